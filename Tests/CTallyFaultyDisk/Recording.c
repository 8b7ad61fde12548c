// What happened to a disk's files, in order.
//
// Invariants:
// 1. Nothing is forgotten: a recording that finds no memory ends the program, since a test on half of what
//    happened would prove nothing.
//
// Owner: the disk, under its mutex.

#include <stdlib.h>
#include <string.h>

#include "Disk.h"

struct recording {
  faulty_disk_event *events;
  int count, room;
};

static void *kept(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

static int is_left_out(const char *rest) {
  return strcmp(rest, "/tally.db-shm") == 0 || strcmp(rest, "/daemon.lock") == 0 || strcmp(rest, "/..") == 0;
}

static void add(recording *to, faulty_disk_event event) {
  if (to->count == to->room) {
    to->room = to->room == 0 ? 1024 : 2 * to->room;
    to->events = kept(realloc(to->events, (size_t)to->room * sizeof *to->events));
  }
  to->events[to->count++] = event;
}

static char *name_of(const char *rest) { return kept(strdup(*rest == '/' ? rest + 1 : rest)); }

static void note(recording *to, int kind, const char *rest, int64_t place) {
  if (to == NULL || is_left_out(rest)) return;
  add(to, (faulty_disk_event){.kind = kind, .name = name_of(rest), .place = place});
}

void recording_write(recording *to, const char *rest, const void *bytes, off_t count, off_t offset) {
  if (to == NULL || is_left_out(rest)) return;
  unsigned char *copy = kept(malloc((size_t)count));
  memcpy(copy, bytes, (size_t)count);
  add(to,
      (faulty_disk_event){
          .kind = FAULTY_DISK_WRITE, .name = name_of(rest), .bytes = copy, .count = count, .place = offset});
}

void recording_size(recording *to, const char *rest, off_t size) { note(to, FAULTY_DISK_SIZE, rest, size); }

void recording_sync(recording *to, const char *rest, int has_failed) {
  note(to, has_failed ? FAULTY_DISK_FAILED_SYNC : FAULTY_DISK_SYNC, rest, 0);
}

void recording_name(recording *to, int kind, const char *rest, const char *new_rest) {
  if (to == NULL || is_left_out(rest)) return;
  add(to, (faulty_disk_event){.kind = kind, .name = name_of(rest), .new_name = name_of(new_rest)});
}

void recording_free(recording *of) {
  if (of == NULL) return;
  for (int i = 0; i < of->count; i++) {
    free((void *)of->events[i].name);
    free((void *)of->events[i].new_name);
    free((void *)of->events[i].bytes);
  }
  free(of->events);
  free(of);
}

int faulty_disk_record(faulty_disk *disk) {
  recording *recording = calloc(1, sizeof *recording);
  if (recording == NULL) return -1;
  faulty_disk_enter();
  recording_free(disk->recording);
  disk->recording = recording;
  faulty_disk_leave();
  return 0;
}

void faulty_disk_mark(faulty_disk *disk, int64_t number) {
  faulty_disk_enter();
  if (disk->recording)
    add(disk->recording,
        (faulty_disk_event){.kind = FAULTY_DISK_MARK, .name = kept(strdup("")), .place = number});
  faulty_disk_leave();
}

int faulty_disk_event_count(faulty_disk *disk) {
  faulty_disk_enter();
  int count = disk->recording ? disk->recording->count : 0;
  faulty_disk_leave();
  return count;
}

faulty_disk_event faulty_disk_event_at(faulty_disk *disk, int index) {
  return disk->recording->events[index];
}
