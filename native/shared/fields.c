#include "fields.h"

#include <stdlib.h>
#include <string.h>

#include "protocol.h"

enum { FIELD_HEADER = 6 };

static uint64_t load(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void store(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

bool field_next(struct span *rest, struct field *field)
{
	if (rest->size < FIELD_HEADER)
		return false;
	size_t length = (size_t)load(rest->data + 2, 4);
	if (length > rest->size - FIELD_HEADER)
		return false;
	field->tag = (uint16_t)load(rest->data, 2);
	field->value = (struct span){rest->data + FIELD_HEADER, length};
	rest->data += FIELD_HEADER + length;
	rest->size -= FIELD_HEADER + length;
	return true;
}

bool fields_valid(struct span fields)
{
	struct field field;
	while (field_next(&fields, &field))
		;
	return fields.size == 0;
}

bool field_each(struct span *rest, uint16_t tag, struct span *value)
{
	struct field field;
	while (field_next(rest, &field)) {
		if (field.tag != tag)
			continue;
		*value = field.value;
		return true;
	}
	return false;
}

bool field_find(struct span fields, uint16_t tag, struct span *value)
{
	return field_each(&fields, tag, value);
}

uint64_t span_number(struct span value, uint64_t otherwise)
{
	return value.size == 8 ? load(value.data, 8) : otherwise;
}

uint64_t field_number(struct span fields, uint16_t tag, uint64_t otherwise)
{
	struct span value;
	return field_find(fields, tag, &value) ? span_number(value, otherwise) : otherwise;
}

char *span_text(struct span value)
{
	if (value.size > 0 && memchr(value.data, 0, value.size) != NULL)
		return NULL;
	char *text = malloc(value.size + 1);
	if (text == NULL)
		return NULL;
	if (value.size > 0)
		memcpy(text, value.data, value.size);
	text[value.size] = 0;
	return text;
}

char *field_text(struct span fields, uint16_t tag)
{
	struct span value;
	return field_find(fields, tag, &value) ? span_text(value) : NULL;
}

char **field_texts(struct span fields, uint16_t tag, size_t *count)
{
	size_t found = 0;
	struct span value;
	for (struct span rest = fields; field_each(&rest, tag, &value);)
		found++;
	char **texts = calloc(found + 1, sizeof *texts);
	if (texts == NULL)
		return NULL;
	size_t index = 0;
	for (struct span rest = fields; field_each(&rest, tag, &value);) {
		texts[index] = span_text(value);
		if (texts[index] == NULL) {
			texts_free(texts);
			return NULL;
		}
		index++;
	}
	if (count != NULL)
		*count = found;
	return texts;
}

void texts_free(char **texts)
{
	for (char **at = texts; at != NULL && *at != NULL; at++)
		free(*at);
	free(texts);
}

static uint8_t *reserve(struct writer *writer, size_t bytes)
{
	if (writer->failed || bytes > MAXIMUM_PAYLOAD - writer->size) {
		writer->failed = true;
		return NULL;
	}
	if (writer->size + bytes > writer->capacity) {
		size_t capacity = (writer->size + bytes) * 2;
		uint8_t *data = realloc(writer->data, capacity);
		if (data == NULL) {
			writer->failed = true;
			return NULL;
		}
		writer->data = data;
		writer->capacity = capacity;
	}
	uint8_t *at = writer->data + writer->size;
	writer->size += bytes;
	return at;
}

void write_bytes(struct writer *writer, uint16_t tag, const void *data, size_t size)
{
	if (size > MAXIMUM_PAYLOAD) {
		writer->failed = true;
		return;
	}
	uint8_t *at = reserve(writer, FIELD_HEADER + size);
	if (at == NULL)
		return;
	store(at, tag, 2);
	store(at + 2, size, 4);
	if (size > 0)
		memcpy(at + FIELD_HEADER, data, size);
}

void write_number(struct writer *writer, uint16_t tag, uint64_t value)
{
	uint8_t bytes[8];
	store(bytes, value, 8);
	write_bytes(writer, tag, bytes, sizeof bytes);
}

void write_text(struct writer *writer, uint16_t tag, const char *text)
{
	write_bytes(writer, tag, text, strlen(text));
}

size_t write_group(struct writer *writer, uint16_t tag)
{
	uint8_t *at = reserve(writer, FIELD_HEADER);
	if (at == NULL)
		return 0;
	store(at, tag, 2);
	store(at + 2, 0, 4);
	return writer->size;
}

void write_group_end(struct writer *writer, size_t mark)
{
	if (!writer->failed)
		store(writer->data + mark - 4, writer->size - mark, 4);
}

void write_failure(struct writer *writer, const struct failure *failure)
{
	write_text(writer, TAG_ERROR_CLASS, failure->class == NULL ? "internal" : failure->class);
	write_text(writer, TAG_ERROR_CODE, failure->code == NULL ? "INTERNAL" : failure->code);
	write_text(writer, TAG_ERROR_MESSAGE, failure->message);
	write_number(writer, TAG_ERRNO, (uint64_t)failure->number);
}

void writer_free(struct writer *writer)
{
	free(writer->data);
	*writer = (struct writer){0};
}
