import type { ModuleDescription } from "./form.ts";

export const event: ModuleDescription = {
  EventActor: {
    about: "What an event is about.",
    fields: { ID: "string", Attributes: "{string}" },
  },
  EventMessage: {
    about: "One line of `GET /events`. `timeNano` exceeds 2⁵³: read it as text where it matters.",
    fields: {
      status: "string? — As id and from, for clients older than API 1.22.",
      id: "string?",
      from: "string?",
      Type: "string",
      Action: "string",
      Actor: "EventActor",
      scope: "string",
      time: "int64 — Seconds since the epoch.",
      timeNano: "int64",
    },
  },
};
