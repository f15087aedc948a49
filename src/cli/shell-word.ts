/** For a command that people copy: as it is, or in quotes. */
export const shellWord = (text: string): string => (/^[\w.+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
