import type { ImageSummary } from "../../client/api-types.ts";
import { decimalSize } from "../quantities.ts";
import { printable } from "../report-error.ts";
import { textWidth, truncateText } from "../terminal/width.ts";
import { shortImageId } from "./image-columns.ts";

/** What the tree is drawn on. */
export interface TreePage {
  readonly columns: number;
  readonly color: boolean;
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly isRight: boolean;
}

/** Beside a name or platform. */
interface Details {
  readonly id: string;
  readonly diskUsage: number;
  readonly content: number;
  readonly isUsed: boolean;
}

const spacing = "   ";
const narrowestName = 12;
const narrowestPage = 20;
const warning =
  "WARNING: This is an experimental feature. The output may change and shouldn't be depended on.";

const detailColumns: readonly Column[] = [
  { title: "ID", width: 12, isRight: false },
  { title: "DISK USAGE", width: 10, isRight: true },
  { title: "CONTENT SIZE", width: 12, isRight: true },
  { title: "EXTRA", width: 5, isRight: false },
];

/** SGR codes of Docker's client. */
const styles = {
  plain: [39],
  heading: [39, 1],
  name: [34],
  faint: [39, 2],
  warning: [93],
  legendMark: [1, 106, 30],
  legend: [96],
  chip: [38, 5, 0, 48, 5, 14],
} as const;

/**
 * The lines of `images --tree`: images with their platforms below, as Docker 28.5 draws them
 * (docker/cli: cli/command/image/tree.go). Takes what a list with manifests answers.
 */
export function imageTree(images: readonly ImageSummary[], page: TreePage): string[] {
  const width = Math.max(page.columns, narrowestPage);
  const shown = images.toSorted((one, other) => other.Created - one.Created);
  const nodes = shown.map(nodeOf);
  const columns = columnsWithin(width);
  const room = columns.reduce((left, column) => left - column.width - spacing.length, width);
  const widest = nodes.flatMap(({ names, platforms }) => [
    ...names.map((name) => textWidth(name)),
    ...platforms.map(({ label }) => textWidth(label)),
  ]);
  const nameWidth = Math.min(room, Math.max("IMAGE".length, ...widest));
  const draw = drawer(columns, nameWidth, page.color);
  return [
    paint(page.color, "warning", warning),
    legend(width, page.color),
    "",
    draw.heading(),
    ...nodes.flatMap(({ names, details, platforms, hasTags }) => [
      ...names.slice(0, -1).map((name) => paint(page.color, "name", truncateText(name, width))),
      draw.line(names.at(-1)!, details, hasTags ? "name" : "faint"),
      ...platforms.map((one) => draw.line(one.label, one.details, one.isHere ? "plain" : "faint")),
      "",
    ]),
  ];
}

interface Node {
  /** One at least; the shortest, beside which the details are, last. */
  readonly names: readonly string[];
  readonly hasTags: boolean;
  readonly details: Details;
  readonly platforms: readonly {
    readonly label: string;
    readonly isHere: boolean;
    readonly details: Details;
  }[];
}

function nodeOf(image: ImageSummary): Node {
  const parts = (image.Manifests ?? []).flatMap(({ ID: id, Available, Size, ImageData }) => {
    if (ImageData === undefined) return [];
    const { os, architecture, variant } = ImageData.Platform;
    const platform = [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
    const isUsed = (ImageData.Containers ?? []).length > 0;
    const details = { id, diskUsage: Size.Total, content: Size.Content, isUsed };
    return [{ platform: printable(platform), isHere: Available, details }];
  });
  const tags = (image.RepoTags ?? [])
    .map(printable)
    .toSorted((one, other) => other.length - one.length);
  return {
    names: tags.length > 0 ? tags : ["<untagged>"],
    hasTags: tags.length > 0,
    details: {
      id: image.Id,
      diskUsage: image.Size,
      content: parts.reduce((sum, { details }) => sum + details.content, 0),
      isUsed: image.Containers > 0 || parts.some(({ details }) => details.isUsed),
    },
    platforms: parts.map(({ platform, ...rest }, index) => ({
      label: `${index === parts.length - 1 ? "└─" : "├─"} ${platform}`,
      ...rest,
    })),
  };
}

/** Those that leave enough for the name; on a narrow terminal the last ones go first. */
function columnsWithin(width: number): readonly Column[] {
  let left = width;
  const tooMuch = detailColumns.findIndex((column) => {
    left -= column.width + spacing.length;
    return left < narrowestName;
  });
  return tooMuch < 0 ? detailColumns : detailColumns.slice(0, tooMuch);
}

function drawer(columns: readonly Column[], nameWidth: number, color: boolean) {
  const cell = (text: string, { width, isRight }: Omit<Column, "title">, style: Style): string => {
    const cut = truncateText(text, width);
    const fill = " ".repeat(width - textWidth(cut));
    const painted = cut === "" ? "" : paint(color, style, cut);
    return isRight ? fill + painted : painted + fill;
  };
  const first = { width: nameWidth, isRight: false };
  return {
    heading: (): string =>
      [
        cell("IMAGE", first, "heading"),
        ...columns.map((column) => cell(column.title, column, "heading")),
      ].join(spacing),
    line: (label: string, details: Details, style: Style): string => {
      const { id, diskUsage, content, isUsed } = details;
      const mark = !isUsed ? "" : color ? " U " : "U";
      const values = [shortImageId(id), decimalSize(diskUsage), decimalSize(content), mark];
      const plain = style === "name" ? "plain" : style;
      return [
        cell(label, first, style),
        ...columns.map((column, index) =>
          cell(values[index]!, column, column.title === "EXTRA" ? "chip" : plain),
        ),
      ].join(spacing);
    },
  };
}

/** What the marks mean, at the right. */
function legend(width: number, color: boolean): string {
  const plain = color ? "i Info →   U  In Use " : "Info ->  U In Use ";
  const fill = " ".repeat(Math.max(0, width - textWidth(plain)));
  if (!color) return fill + plain;
  const mark = `${paint(color, "legendMark", "i")} ${paint(color, "legend", "Info → ")}`;
  return `${fill}${mark} ${paint(color, "chip", " U ")} In Use `;
}

type Style = keyof typeof styles;

function paint(color: boolean, style: Style, text: string): string {
  return color ? `\u001b[${styles[style].join(";")}m${text}\u001b[0m` : text;
}
