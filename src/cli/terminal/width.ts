import { stripVTControlCharacters } from "node:util";

const invisible = /\p{Mn}|\p{Me}|\p{Cf}|[\u{1f3fb}-\u{1f3ff}]/u;
const wide =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Columns that `text` takes on a terminal: colours and combining marks none, East Asian wide ones two. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (invisible.test(character) || character < " ") continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** `text` cut to `columns` with an ellipsis when it is longer. */
export function truncateText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let result = "";
  let width = 1;
  for (const character of text) {
    width += textWidth(character);
    if (width > columns) break;
    result += character;
  }
  return `${result}…`;
}
