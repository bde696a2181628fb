// Made from description/event.ts by `npm run fix`: change it there.

/** What an event is about. */
export interface EventActor {
  ID: string;
  Attributes: Record<string, string>;
}

/** One line of `GET /events`. `timeNano` exceeds 2⁵³: read it as text where it matters. */
export interface EventMessage {
  /** As id and from, for clients older than API 1.22. */
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: EventActor;
  scope: string;
  /** Seconds since the epoch. */
  time: number;
  timeNano: number;
}
