/** What a process in a workload saw. */
export interface SeenFromInside {
  readonly kernel: string;
  readonly processes: number;
  readonly processors: number;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly fill: string;
  readonly lines: readonly string[];
}

const width = 840;
const height = 400;

/**
 * The two isolations side by side as SVG: the same image, over the host's kernel as a container, and
 * over a kernel of its own in QEMU as a VM. Every name and number comes from what was seen.
 */
export function drawIsolations(
  host: string,
  container: SeenFromInside,
  machine: SeenFromInside,
): string {
  const boxes = [
    ...containerBoxes(container),
    ...machineBoxes(machine),
    box(20, 330, 800, 50, "#cbd5e1", [`host kernel: Linux ${host}`]),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="15">`,
    `<title>One image as a container and as a virtual machine</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    heading(200, "--isolation container"),
    heading(640, "--isolation vm"),
    ...boxes.map(draw),
    "</svg>",
    "",
  ].join("\n");
}

function containerBoxes(seen: SeenFromInside): Box[] {
  return [
    box(20, 50, 380, 110, "#fde68a", [
      "busybox",
      `uname -r → ${seen.kernel}`,
      `processes it sees: ${seen.processes} · processors: ${seen.processors}`,
    ]),
    box(20, 175, 380, 60, "#e2e8f0", ["namespaces, capabilities, seccomp, cgroups"]),
    box(20, 250, 380, 60, "#e2e8f0", ["duet-shim → runc or crun"]),
  ];
}

function machineBoxes(seen: SeenFromInside): Box[] {
  return [
    box(440, 50, 380, 110, "#fde68a", [
      "busybox",
      `uname -r → ${seen.kernel}`,
      `processes it sees: ${seen.processes} · processors: ${seen.processors}`,
    ]),
    box(440, 175, 380, 60, "#bbf7d0", [
      `guest kernel: Linux ${seen.kernel}`,
      "duet-agent is its PID 1",
    ]),
    box(440, 250, 380, 60, "#e2e8f0", ["duet-shim → QEMU, jailed, a user of its own"]),
  ];
}

function box(
  x: number,
  y: number,
  boxWidth: number,
  boxHeight: number,
  fill: string,
  lines: readonly string[],
): Box {
  return { x, y, width: boxWidth, height: boxHeight, fill, lines };
}

function heading(x: number, text: string): string {
  return `<text x="${x}" y="32" text-anchor="middle" font-weight="600">${escape(text)}</text>`;
}

function draw(one: Box): string {
  const middle = one.x + one.width / 2;
  const top = one.y + one.height / 2 - (one.lines.length - 1) * 11 + 5;
  const texts = one.lines.map(
    (line, index) =>
      `<text x="${middle}" y="${top + index * 22}" text-anchor="middle">${escape(line)}</text>`,
  );
  return [
    `<rect x="${one.x}" y="${one.y}" width="${one.width}" height="${one.height}" rx="6" fill="${one.fill}"/>`,
    ...texts,
  ].join("\n");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
