import { humanDuration } from "../../kit/go-duration.ts";

/** `2026-11-23 07:00:00 +0000 UTC`, in local time, as Docker's tables. */
export function localTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const zone = `${sign}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
  return `${day} ${time} ${zone} ${minutes === 0 ? "UTC" : zone}`;
}

/** `3 hours ago`. */
export function agoOf(milliseconds: number, now = Date.now()): string {
  return `${humanDuration(Math.max(0, now - milliseconds))} ago`;
}
