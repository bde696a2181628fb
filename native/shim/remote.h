/* The main process of a VM: its streams come over the agent's channel of CREATE. */
#ifndef DUET_REMOTE_H
#define DUET_REMOTE_H

#include "hub.h"
#include "record.h"

/* The hub that clients attach to. */
extern struct hub remote_hub;

/* `done` is called once: the process has ended, all its output is delivered. */
void remote_init(void (*done)(const struct exit_record *record));
/* CREATE is on its way to the agent on this channel. */
void remote_begin(uint32_t number, struct span fields);
/* A frame of the agent on that channel. */
void remote_frame(const struct frame *frame);
/* No frame will follow: ends as `record` says unless the agent told an end before. */
void remote_lost(const struct exit_record *record);

#endif
