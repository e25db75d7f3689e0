/** The environment of the process. No other file of ours reads it; everything else is handed what it needs. */
export const environment: Readonly<Record<string, string | undefined>> = process.env
