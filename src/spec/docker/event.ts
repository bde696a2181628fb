/** One line of `GET /events` (Docker Engine API). `timeNano` exceeds 2⁵³: read it as text where it matters. */
export interface EventMessage {
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: string;
  /** Seconds since the epoch. */
  time: number;
  timeNano: number;
}
