package camera

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	maxTalk   = 2048 // bytes of a line that are looked at
	maxSaid   = 300  // bytes of a line that are logged
	talkLines = 20   // lines that are logged in a minute; the others are counted
)

// quota keeps a log from being filled. It lets through so many lines a minute.
type quota struct {
	since   time.Time // when the minute began
	logged  int       // lines in it
	omitted int       // lines that were not logged since the last that was
}

// take says whether a line may be logged, and how many were not before it.
func (q *quota) take(now time.Time, most int) (omitted int, ok bool) {
	if q.since.IsZero() || now.Sub(q.since) >= time.Minute {
		q.since, q.logged = now, 0
	}
	if q.logged++; q.logged > most {
		q.omitted++
		return 0, false
	}
	omitted, q.omitted = q.omitted, 0
	return omitted, true
}

// talk logs what a camera's program says on its standard error, line by line. It is the io.Writer of
// one run after the other.
type talk struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex // guards all below
	line  []byte     // the line so far
	said  string     // the last whole line
	quota quota
}

func newTalk(log *slog.Logger, now func() time.Time) *talk { return &talk{log: log, now: now} }

// begin forgets what an earlier run of the program said, but not how much.
func (t *talk) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line, t.said = t.line[:0], ""
}

// Write takes what the program says. It never fails: a program must not stop because we do not listen.
func (t *talk) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, ended := rest, false
		if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
			part, rest, ended = rest[:i], rest[i+1:], true
		} else {
			rest = nil
		}
		t.line = append(t.line, part[:min(len(part), maxTalk-len(t.line))]...)
		if ended {
			t.flush()
		}
	}
	return len(p), nil
}

// flush ends a line.
func (t *talk) flush() {
	line := clean(string(t.line), len(t.line) == maxTalk)
	t.line = t.line[:0]
	if line == "" {
		return
	}
	t.said = line
	if omitted, ok := t.quota.take(t.now(), talkLines); ok {
		t.log.InfoContext(context.Background(), "camera program speaks", slog.String("line", line), slog.Int("omitted", omitted))
	}
}

// last is the last that it said, whole line or not.
func (t *talk) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if line := clean(string(t.line), len(t.line) == maxTalk); line != "" {
		return line
	}
	return t.said
}

// clean makes a line fit for a log: no secrets of addresses, no control characters, not too long.
// cut says that the line went on.
func clean(line string, cut bool) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line, "?"))
	line = strings.TrimSpace(redact(line, cut))
	if len(line) > maxSaid {
		line = strings.ToValidUTF8(line[:maxSaid], "") + "…"
	}
	return line
}

// redact takes names, passwords and queries out of the addresses in a line: ffmpeg repeats in what
// it says where it reads from.
func redact(line string, cut bool) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(line, "://")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteString("://")
		end := strings.IndexAny(rest, " '\"<>")
		if end < 0 && cut { // what would show where a password ends is missing
			b.WriteString("…")
			return b.String()
		}
		if end < 0 {
			end = len(rest)
		}
		where, query, asked := strings.Cut(rest[:end], "?")
		host, path, _ := strings.Cut(where, "/")
		if at := strings.LastIndexByte(where, '@'); at >= 0 {
			host, path, _ = strings.Cut(where[at+1:], "/")
			b.WriteString("…@")
		}
		b.WriteString(host)
		if path != "" {
			b.WriteString("/" + path)
		}
		if asked && query != "" {
			b.WriteString("?…")
		}
		line = rest[end:]
	}
}
