import pc from 'picocolors'

/** Colours for one stream; every function returns its text unchanged where colours are not wanted. */
export type Style = ReturnType<typeof pc.createColors>

/** Colours only on a terminal, and never where NO_COLOR is set (no-color.org). FORCE_COLOR asks for them anyway. */
export function createStyle(stream: {
  isTty: boolean
  env: Readonly<Record<string, string | undefined>>
}): Style {
  const { NO_COLOR, FORCE_COLOR, TERM } = stream.env
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0'
  const wanted = forced || (stream.isTty && TERM !== 'dumb')
  return pc.createColors(wanted && (NO_COLOR === undefined || NO_COLOR === ''))
}
