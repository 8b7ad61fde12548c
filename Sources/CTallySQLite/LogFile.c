// The write-ahead log beneath SQLite: whether it is damaged, and its bytes made durable.
//
// SQLite's recovery takes the log up to the last commit before the first frame that is not whole, and says
// nothing of what lies behind. After a power cut that is right: the disk may hold any part of the one
// transaction that was not synced yet. When a disk loses a bit of what it had, it drops commits that were
// acknowledged. Here the two are told apart.
//
// What can lie in a log. Its frames have the salts of its header. Each has a checksum over itself that goes
// on from the checksum of the frame before, so a frame behind a bad one can still be proved whole: by the
// checksum that is stored in the bad one, or by the one that the bad one should have. A transaction is
// written as frames of which the last is marked as a commit, and is synced before the next one begins
// (synchronous=FULL, one writer). So, of frames with the header's salts:
//
// 1. After a power cut only those of the last transaction may be missing or torn, in any choice. At most
//    one commit can be whole behind the first bad frame: that transaction's own.
// 2. A transaction that found the disk full leaves frames that a later, shorter one does not cover. It never
//    wrote its commit, and its frames go on from each other, not from the commit that was written over them.
// 3. Frames of the log's earlier rounds have other salts.
//
// Hence the log is damaged, and was not merely cut off, when behind the first bad frame there are two whole
// commits, or a whole frame that goes on from a commit: a transaction begins only after the sync of the one
// before. (Of a bad frame only a header within one sector is believed to be a commit's: a power cut can mix
// the old and the new of two sectors.) The log is damaged as well when its own header is bad and the first
// frame goes on from it: the header is synced before the first frame is written, and it is written over only
// once everything in the log is in the database file.
// Damage to the very last transaction looks like a power cut during its sync, and cannot be told from it.
//
// Invariants:
// 1. No descriptor is left open, and none of the database or its -shm is touched: closing one would drop
//    SQLite's locks. SQLite takes no locks on the log.
// 2. Nobody changes the log while it is written back: the caller holds SQLite's locks on it (LogLock.c).
//
// Owner: the thread that opens the database.

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "CTallySQLite.h"

#define HEADER_BYTES 32
#define FRAME_HEADER_BYTES 24
#define MAGIC 0x377f0682u
#define DEFAULT_PAGE_BYTES 4096
#define MAXIMUM_PAGE_BYTES 65536
// What is read or written at once.
#define PIECE_BYTES (1 << 20)
// What a disk writes wholly or not at all, at least.
#define SECTOR_BYTES 512

typedef struct {
  uint32_t first, second;
} sums;

typedef struct {
  int descriptor;
  long long size;
  unsigned char header[HEADER_BYTES];
  int big_endian;
  int page_bytes;
  unsigned char salts[8];
  // Frames that the file has room for; the first is 1.
  long long frames;
  unsigned char *piece;
  long long piece_start;
  long long piece_frames;
} log_scan;

static uint32_t big(const unsigned char *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t little(const unsigned char *bytes) {
  return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static sums stored(const unsigned char *bytes) { return (sums){big(bytes), big(bytes + 4)}; }

static int same(sums left, sums right) { return left.first == right.first && left.second == right.second; }

// SQLite's checksum, which goes on from another.
static sums add(sums from, const unsigned char *bytes, int count, int big_endian) {
  for (int i = 0; i < count; i += 8) {
    from.first += (big_endian ? big(bytes + i) : little(bytes + i)) + from.second;
    from.second += (big_endian ? big(bytes + i + 4) : little(bytes + i + 4)) + from.first;
  }
  return from;
}

static int open_log(const char *path, int flags, int *descriptor) {
  do {
    *descriptor = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
  } while (*descriptor < 0 && errno == EINTR);
  return *descriptor >= 0 ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int read_fully(int descriptor, unsigned char *bytes, long long count, long long offset) {
  while (count > 0) {
    ssize_t done = pread(descriptor, bytes, (size_t)count, offset);
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = EIO;
    if (done <= 0) return SQLITE_IOERR_READ;
    bytes += done;
    count -= done;
    offset += done;
  }
  return SQLITE_OK;
}

static int write_fully(int descriptor, const unsigned char *bytes, long long count, long long offset) {
  while (count > 0) {
    ssize_t done = pwrite(descriptor, bytes, (size_t)count, offset);
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = ENOSPC;
    if (done <= 0) return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    bytes += done;
    count -= done;
    offset += done;
  }
  return SQLITE_OK;
}

static int frame_bytes(const log_scan *scan) { return FRAME_HEADER_BYTES + scan->page_bytes; }

// A frame's bytes; the file is read in pieces, forwards.
static int load(log_scan *scan, long long frame, unsigned char **bytes) {
  long long size = frame_bytes(scan);
  if (frame < scan->piece_start || frame >= scan->piece_start + scan->piece_frames) {
    long long count = PIECE_BYTES / size;
    if (count > scan->frames - frame + 1) count = scan->frames - frame + 1;
    scan->piece_frames = 0;
    int code = read_fully(scan->descriptor, scan->piece, count * size, HEADER_BYTES + (frame - 1) * size);
    if (code != SQLITE_OK) return code;
    scan->piece_start = frame;
    scan->piece_frames = count;
  }
  *bytes = scan->piece + (frame - scan->piece_start) * size;
  return SQLITE_OK;
}

// The checksum that a frame should have after another.
static sums frame_sums(const log_scan *scan, sums before, const unsigned char *frame) {
  before = add(before, frame, 8, scan->big_endian);
  return add(before, frame + FRAME_HEADER_BYTES, scan->page_bytes, scan->big_endian);
}

static int is_commit(const unsigned char *frame) { return big(frame + 4) != 0; }

// Whether a frame that is not whole says reliably that it is a commit: a power cut can leave a header that
// lies in two sectors as half of one frame and half of what lay there before.
static int says_commit(const log_scan *scan, long long number, const unsigned char *frame) {
  long long start = HEADER_BYTES + (number - 1) * frame_bytes(scan);
  long long end = start + FRAME_HEADER_BYTES - 1;
  return is_commit(frame) && start / SECTOR_BYTES == end / SECTOR_BYTES;
}

static int has_salts(const log_scan *scan, const unsigned char *frame) {
  return memcmp(frame + 8, scan->salts, sizeof scan->salts) == 0;
}

static int is_whole(const log_scan *scan, sums before, const unsigned char *frame) {
  return has_salts(scan, frame) && big(frame) != 0 &&
         same(frame_sums(scan, before, frame), stored(frame + 16));
}

static int is_page_size(uint32_t size) {
  return size >= 512 && size <= MAXIMUM_PAGE_BYTES && (size & (size - 1)) == 0;
}

static void use_page_size(log_scan *scan, int page_bytes) {
  scan->page_bytes = page_bytes;
  scan->frames = (scan->size - HEADER_BYTES) / frame_bytes(scan);
  scan->piece_frames = 0;
}

// Looks behind the first bad frame for what only damage leaves there.
//
// before: the checksum that is stored in the bad frame or header; repaired: the one that it should have.
static int look_behind(log_scan *scan, long long bad, sums before, sums repaired, int after_commit,
                       tally_log_state *state) {
  int goes_on = 0;
  for (long long number = bad + 1; number <= scan->frames; number++) {
    unsigned char *frame;
    int code = load(scan, number, &frame);
    if (code != SQLITE_OK) return code;
    int whole = is_whole(scan, before, frame) || (number == bad + 1 && is_whole(scan, repaired, frame));
    if (whole && after_commit) goes_on = 1;
    if (whole && is_commit(frame)) state->commits_behind++;
    before = stored(frame + 16);
    after_commit = whole ? is_commit(frame) : says_commit(scan, number, frame);
  }
  state->is_damaged = goes_on || state->commits_behind > 1;
  return SQLITE_OK;
}

// A bad header is one that was damaged when a commit follows which goes on from it.
static int examine_bad_header(log_scan *scan, tally_log_state *state) {
  uint32_t named = big(scan->header + 8);
  int sizes[2] = {is_page_size(named) ? (int)named : DEFAULT_PAGE_BYTES, DEFAULT_PAGE_BYTES};
  for (int choice = 0; choice < 4; choice++) {
    scan->big_endian = choice & 1;
    use_page_size(scan, sizes[choice >> 1]);
    if (scan->frames < 1) continue;
    unsigned char *frame;
    int code = load(scan, 1, &frame);
    if (code != SQLITE_OK) return code;
    memcpy(scan->salts, frame + 8, sizeof scan->salts);
    sums before = stored(scan->header + 24);
    sums repaired = add((sums){0, 0}, scan->header, HEADER_BYTES - 8, scan->big_endian);
    if (!is_whole(scan, before, frame) && !is_whole(scan, repaired, frame)) continue;
    code = look_behind(scan, 0, before, repaired, 0, state);
    state->first_bad_frame = 0;
    state->is_damaged = state->commits_behind > 0;
    return code;
  }
  return SQLITE_OK;
}

static int examine_frames(log_scan *scan, sums running, tally_log_state *state) {
  for (long long number = 1; number <= scan->frames; number++) {
    unsigned char *frame;
    int code = load(scan, number, &frame);
    if (code != SQLITE_OK) return code;
    if (is_whole(scan, running, frame)) {
      running = stored(frame + 16);
      if (is_commit(frame)) state->whole_frames = number;
      continue;
    }
    state->first_bad_frame = number;
    state->is_unfinished = has_salts(scan, frame);
    return look_behind(scan, number, stored(frame + 16), frame_sums(scan, running, frame),
                       says_commit(scan, number, frame), state);
  }
  state->is_unfinished = state->whole_frames < scan->frames;
  return SQLITE_OK;
}

static int examine(log_scan *scan, tally_log_state *state) {
  struct stat facts;
  if (fstat(scan->descriptor, &facts) != 0) return SQLITE_IOERR_FSTAT;
  scan->size = facts.st_size;
  if (scan->size < HEADER_BYTES) return SQLITE_OK;
  int code = read_fully(scan->descriptor, scan->header, HEADER_BYTES, 0);
  if (code != SQLITE_OK) return code;
  scan->piece = malloc(PIECE_BYTES);
  if (scan->piece == NULL) return SQLITE_NOMEM;
  scan->big_endian = scan->header[3] & 1;
  sums running = add((sums){0, 0}, scan->header, HEADER_BYTES - 8, scan->big_endian);
  uint32_t page_bytes = big(scan->header + 8);
  int is_sound = (big(scan->header) & ~1u) == MAGIC && is_page_size(page_bytes) &&
                 same(running, stored(scan->header + 24));
  if (is_sound) {
    use_page_size(scan, (int)page_bytes);
    memcpy(scan->salts, scan->header + 16, sizeof scan->salts);
    code = examine_frames(scan, running, state);
    state->whole_bytes = state->whole_frames > 0 ? HEADER_BYTES + state->whole_frames * frame_bytes(scan) : 0;
  } else {
    code = examine_bad_header(scan, state);
  }
  free(scan->piece);
  return code;
}

int tally_log_examine(const char *path, tally_log_state *state) {
  memset(state, 0, sizeof *state);
  state->first_bad_frame = -1;
  log_scan scan;
  memset(&scan, 0, sizeof scan);
  int code = open_log(path, O_RDONLY, &scan.descriptor);
  if (code != SQLITE_OK) return errno == ENOENT ? SQLITE_OK : code;
  code = examine(&scan, state);
  int error = errno;
  close(scan.descriptor);
  errno = error;
  return code;
}

static int write_back(int descriptor, long long byte_count) {
  unsigned char *piece = malloc(PIECE_BYTES);
  if (piece == NULL) return SQLITE_NOMEM;
  int code = SQLITE_OK;
  for (long long done = 0; done < byte_count && code == SQLITE_OK; done += PIECE_BYTES) {
    long long count = byte_count - done < PIECE_BYTES ? byte_count - done : PIECE_BYTES;
    code = read_fully(descriptor, piece, count, done);
    if (code == SQLITE_OK) code = write_fully(descriptor, piece, count, done);
  }
  free(piece);
  return code;
}

int tally_log_write_back(const char *path, long long byte_count) {
  int descriptor;
  int code = open_log(path, O_RDWR, &descriptor);
  if (code != SQLITE_OK) return code;
  code = write_back(descriptor, byte_count);
  if (code == SQLITE_OK) code = tally_sync(descriptor);
  int error = errno;
  // What close says of a file that was synced is of no interest.
  close(descriptor);
  errno = error;
  return code;
}

int tally_sync(int descriptor) {
  int code;
  do {
    code = fsync(descriptor);
  } while (code != 0 && errno == EINTR);
  return code == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}
