/**
 * Text that a peer wrote and a person sees: control characters act on a terminal (colours, titles, the clipboard), and
 * those that set the direction of writing make a line read as something else (Unicode TR 36). A tab is harmless.
 */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The text without what a terminal would act on. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '')
}

export function isPrintable(text: string): boolean {
  return printable(text) === text
}
