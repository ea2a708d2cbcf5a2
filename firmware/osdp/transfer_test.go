package osdp_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// store is a device that takes a file.
type store struct {
	l        *line
	receiver osdp.FileReceiver
	file     []byte
	chunks   int
	answer   osdp.FileStatus // to each chunk but the last
	last     osdp.FileStatus // to the last
	probes   []int16         // to the empty chunks after it
}

func (s *store) handle(c *osdp.Command) osdp.Action {
	var f osdp.FileChunk
	if c.Code != osdp.CmdFileTransfer {
		return s.l.pd.Reply(osdp.ReplyAck, nil)
	}
	if !f.Take(c.Data) {
		return s.l.pd.Nak(osdp.NakLength)
	}
	s.chunks++
	answer := s.answer
	switch s.receiver.Accept(&f) {
	case osdp.FileBad:
		answer.Status = osdp.FileAbort
	case osdp.FileNew:
		s.file = append(s.file[:f.Offset], f.Data...)
	case osdp.FileOld:
	case osdp.FileLast:
		s.file = append(s.file[:f.Offset], f.Data...)
		answer = s.last
	case osdp.FileProbe:
		answer = osdp.FileStatus{Status: s.probes[0]}
		s.probes = s.probes[1:]
	}
	return s.l.pd.Reply(osdp.ReplyFTStat, s.l.pd.Scratch()[:answer.Put(s.l.pd.Scratch())])
}

// send carries the file over, starting again when the link is lost.
func send(l *line, file []byte, limit int) osdp.FileSender {
	l.t.Helper()
	var (
		s      osdp.FileSender
		ticket uint16
	)
	for range limit {
		if ticket == 0 && (s.Phase() == osdp.FileIdle || s.Phase() == osdp.FileRefused && s.Status() >= 0) && l.cp.Online() {
			if !s.Start(l.now, osdp.FileFirmware, uint32(len(file)), l.cp.Room(), 20_000) {
				l.t.Fatal("Start")
			}
		}
		if offset, n, ok := s.Next(l.now); ok && ticket == 0 {
			var d [osdp.MaxData]byte
			c := s.Chunk(file[offset:][:n])
			ticket = l.cp.Submit(osdp.CmdFileTransfer, d[:c.Put(d[:])])
		}
		l.step()
		for _, r := range l.replies {
			if r.Ticket != ticket || ticket == 0 {
				continue
			}
			ticket = 0
			if r.Code == osdp.ReplyFTStat {
				s.Took(l.now, r.data)
			} else {
				s.Failed()
			}
		}
		l.replies = nil
		if p := s.Phase(); p != osdp.FileIdle && p != osdp.FileSending && p != osdp.FileWorking &&
			(p != osdp.FileRefused || s.Status() < 0) {
			return s
		}
	}
	l.t.Fatalf("the transfer did not end: phase %d, status %d, %d sent", s.Phase(), s.Status(), s.Sent())
	return s
}

func TestFileTransfer(t *testing.T) {
	file := make([]byte, 20_001)
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range file {
		file[i] = byte(rnd.Uint32())
	}
	for name, v := range map[string]struct {
		store store
		rate  int
		phase osdp.FilePhase
		whole bool
	}{
		"plain":            {store{last: osdp.FileStatus{Status: osdp.FileProcessed}}, 0, osdp.FileDone, true},
		"a smaller window": {store{answer: osdp.FileStatus{Longest: 75}, last: osdp.FileStatus{Status: osdp.FileProcessed}}, 0, osdp.FileDone, true},
		"slow flash":       {store{answer: osdp.FileStatus{DelayMS: 30}, last: osdp.FileStatus{Status: osdp.FileProcessed}}, 0, osdp.FileDone, true},
		"starts anew":      {store{last: osdp.FileStatus{Status: osdp.FileRebooting}}, 0, osdp.FileReboot, true},
		"still at work": {store{
			last: osdp.FileStatus{Status: osdp.FileFinishing, DelayMS: 100}, probes: []int16{osdp.FileFinishing, osdp.FileFinishing, osdp.FileProcessed},
		}, 0, osdp.FileDone, true},
		"content refused": {store{last: osdp.FileStatus{Status: osdp.FileMalformed}}, 0, osdp.FileRefused, true},
		"never done":      {store{last: osdp.FileStatus{Status: osdp.FileFinishing, DelayMS: 60_000}}, 0, osdp.FileTimedOut, true},
		"noise":           {store{last: osdp.FileStatus{Status: osdp.FileProcessed}}, 500, osdp.FileDone, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := v.store
			l := newLine(t, nil)
			s.l, l.app = l, s.handle
			l.secured()
			l.run(100)
			if v.rate > 0 {
				l.toPD, l.toCP = noise(rnd, v.rate), noise(rnd, v.rate)
			}
			end := send(l, file, 600_000)
			if end.Phase() != v.phase || bytes.Equal(s.file, file) != v.whole {
				t.Errorf("phase %d, want %d; %d bytes arrived", end.Phase(), v.phase, len(s.file))
			}
			if end.Phase() != osdp.FileRefused && end.Sent() != uint32(len(file)) {
				t.Errorf("%d of %d sent", end.Sent(), len(file))
			}
			if s.answer.Longest > 0 {
				if want := (len(file) - 228 + 63) / 64; s.chunks != want+1 {
					t.Errorf("%d chunks, want %d", s.chunks, want+1)
				}
			}
		})
	}
}

func TestFileReceiver(t *testing.T) {
	chunk := func(kind byte, total, offset uint32, n int) osdp.FileChunk {
		return osdp.FileChunk{Kind: kind, Total: total, Offset: offset, Data: make([]byte, n)}
	}
	for name, v := range map[string]struct {
		chunks []osdp.FileChunk
		want   []osdp.FileVerdict
	}{
		"in order":      {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(1, 30, 10, 10), chunk(1, 30, 20, 10)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileNew, osdp.FileLast}},
		"one chunk":     {[]osdp.FileChunk{chunk(1, 10, 0, 10)}, []osdp.FileVerdict{osdp.FileLast}},
		"repeated":      {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(1, 30, 10, 10), chunk(1, 30, 10, 10), chunk(1, 30, 20, 10)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileNew, osdp.FileOld, osdp.FileLast}},
		"a gap":         {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(1, 30, 20, 10), chunk(1, 30, 10, 10)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileBad, osdp.FileBad}},
		"overlap":       {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(1, 30, 5, 10)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileBad}},
		"no beginning":  {[]osdp.FileChunk{chunk(1, 30, 10, 10)}, []osdp.FileVerdict{osdp.FileBad}},
		"another kind":  {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(2, 30, 10, 10)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileBad}},
		"another size":  {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(1, 40, 10, 10)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileBad}},
		"begun anew":    {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(2, 20, 0, 10), chunk(2, 20, 10, 10)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileNew, osdp.FileLast}},
		"empty":         {[]osdp.FileChunk{chunk(1, 0, 0, 0)}, []osdp.FileVerdict{osdp.FileBad}},
		"empty between": {[]osdp.FileChunk{chunk(1, 30, 0, 10), chunk(1, 30, 10, 0)}, []osdp.FileVerdict{osdp.FileNew, osdp.FileBad}},
		"asked at the end": {
			[]osdp.FileChunk{chunk(1, 10, 0, 10), chunk(1, 10, 10, 0), chunk(1, 10, 10, 0)},
			[]osdp.FileVerdict{osdp.FileLast, osdp.FileProbe, osdp.FileProbe},
		},
	} {
		var r osdp.FileReceiver
		for i := range v.chunks {
			if got := r.Accept(&v.chunks[i]); got != v.want[i] {
				t.Errorf("%s: chunk %d: verdict %d, want %d", name, i, got, v.want[i])
			}
		}
	}
	for name, d := range map[string]string{
		"past the file":  "01" + "04000000" + "03000000" + "0200" + "aabb",
		"offset wraps":   "01" + "04000000" + "ffffffff" + "0200" + "aabb",
		"longer than it": "01" + "04000000" + "00000000" + "0100" + "aabb",
	} {
		var f osdp.FileChunk
		if f.Take(unhex(t, d)) {
			t.Errorf("%s: took %+v", name, f)
		}
	}
}
