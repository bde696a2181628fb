/*
 * Feeds bytes to the decoder and the field readers, cut in as many ways as the input's first byte says.
 * Built with sanitizers; run on files (seeds, crashes), or with `--mutate COUNT` on random changes of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_into(struct span fields, int depth)
{
	struct field field;
	size_t count;
	if (depth > 4)
		return;
	for (struct span rest = fields; field_next(&rest, &field);) {
		free(span_text(field.value));
		(void)span_number(field.value, 0);
		texts_free(field_texts(fields, field.tag, &count));
		look_into(field.value, depth + 1);
	}
}

static int take(void *context, const struct frame *frame)
{
	size_t *budget = context;
	struct credit_sender sender;
	struct credit_receiver receiver;
	struct outbox outbox = {.limit = 4096};
	credit_start(&sender, &receiver);
	(void)credit_gained(&sender, frame->payload);
	if (credit_received(&receiver, frame->payload.size) == 0)
		(void)credit_consumed(&receiver, frame->payload.size, &outbox, frame->channel);
	(void)outbox_frame(&outbox, frame->type, frame->channel, frame->payload.data, frame->payload.size);
	outbox_free(&outbox);
	if (fields_valid(frame->payload) && *budget > 0) {
		(*budget)--;
		look_into(frame->payload, 0);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct decoder decoder = {0};
	size_t budget = 64;
	size_t step = data[0] % 32 == 0 ? size : data[0] % 32;
	for (size_t at = 1; at < size; at += step) {
		size_t length = size - at < step ? size - at : step;
		/* A copy of its own size lets the sanitizer see any byte too far. */
		uint8_t *piece = malloc(length);
		memcpy(piece, data + at, length);
		int result = decoder_feed(&decoder, piece, length, take, &budget);
		free(piece);
		if (result != 0)
			break;
	}
	decoder_free(&decoder);
	return 0;
}

#ifndef DUET_LIBFUZZER

static uint64_t state = 88172645463325252u;

static uint64_t random_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static size_t mutate(uint8_t *data, size_t size, size_t capacity)
{
	unsigned changes = 1 + random_number() % 8;
	while (changes-- > 0 && size > 1) {
		size_t at = random_number() % size;
		switch (random_number() % 5) {
		case 0:
			data[at] ^= (uint8_t)(1u << random_number() % 8);
			break;
		case 1:
			data[at] = (uint8_t)random_number();
			break;
		case 2:
			data[at] = random_number() % 2 ? 0xff : 0;
			break;
		case 3:
			size = at + 1;
			break;
		default:
			if (size + 16 < capacity) {
				memmove(data + at + 16, data + at, size - at);
				size += 16;
			}
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	static uint8_t seed[65536], data[131072];
	unsigned long mutations = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc) {
			mutations = strtoul(argv[++i], NULL, 10);
			continue;
		}
		FILE *file = fopen(argv[i], "rb");
		if (file == NULL) {
			perror(argv[i]);
			return 1;
		}
		size_t size = fread(seed, 1, sizeof seed, file);
		fclose(file);
		LLVMFuzzerTestOneInput(seed, size);
		for (unsigned long round = 0; round < mutations; round++) {
			memcpy(data, seed, size);
			LLVMFuzzerTestOneInput(data, mutate(data, size, sizeof data));
		}
	}
	return 0;
}

#endif
