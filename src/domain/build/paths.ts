/** Absolute, without `.`, `..` and doubled slashes; nothing leads above the root. */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return `/${kept.join("/")}`;
}

/** Where COPY's destination is: below the working folder where it is relative. A slash at its end stays. */
export function destinationPath(workingDirectory: string, written: string): string {
  const path = written === "" || written === "." ? "./" : written;
  const absolute = cleanPath(path.startsWith("/") ? path : `${workingDirectory}/${path}`);
  const isFolder = path.endsWith("/") || path.endsWith("/.");
  return isFolder && absolute !== "/" ? `${absolute}/` : absolute;
}

/** A source of COPY, relative to the root that it is taken from; "." for all of it. */
export function sourcePath(written: string): string {
  return cleanPath(written).slice(1) || ".";
}
