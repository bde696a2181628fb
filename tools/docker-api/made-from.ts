/** The first line of a generated file. */
export function madeFrom(source: string): string {
  return `// Made from ${source} by \`npm run fix\`: change it there.\n`;
}
