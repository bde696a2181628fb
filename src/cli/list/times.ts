import { humanDuration } from "../../kit/go-duration.ts";

/** `2026-11-23 07:00:00 +0000 UTC`, in local time, as Docker's tables. */
export function localTime(milliseconds: number): string {
  const { day, time, zone } = partsOf(milliseconds);
  const plain = zone.replace(":", "");
  return `${day} ${time} ${plain} ${isUniversal(zone) ? "UTC" : plain}`;
}

/** `2026-11-23T07:00:00Z`, in local time, as Docker's histories of images. */
export function rfc3339(milliseconds: number): string {
  const { day, time, zone } = partsOf(milliseconds);
  return `${day}T${time}${isUniversal(zone) ? "Z" : zone}`;
}

function isUniversal(zone: string): boolean {
  return zone === "+00:00";
}

function partsOf(milliseconds: number): {
  readonly day: string;
  readonly time: string;
  readonly zone: string;
} {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = -date.getTimezoneOffset();
  const away = Math.abs(minutes);
  return {
    day: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    time: `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    zone: `${minutes < 0 ? "-" : "+"}${two(Math.floor(away / 60))}:${two(away % 60)}`,
  };
}

/** `3 hours ago`. */
export function agoOf(milliseconds: number, now = Date.now()): string {
  return `${humanDuration(Math.max(0, now - milliseconds))} ago`;
}
