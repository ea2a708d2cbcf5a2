package osdp

// FilePhase is how far a [FileSender] is.
type FilePhase byte

// The phases. The last three end a transfer.
const (
	FileIdle FilePhase = iota
	FileSending
	FileWorking  // all sent, the device is still at work
	FileDone     // the device took the file
	FileReboot   // it did, and starts anew
	FileRefused  // it did not: see Status
	FileTimedOut // it said neither within the limit
)

// FileSender is the panel's side of a file transfer: which chunk is next, and
// when. It holds no file; the caller reads the bytes that Next names.
type FileSender struct {
	kind    byte
	phase   FilePhase
	total   uint32
	offset  uint32 // that the device has
	sent    int    // bytes of the chunk under way
	window  int    // longest data of a FILETRANSFER
	readyAt uint32
	began   uint32 // when the last progress was
	limit   uint32
	status  int16
}

// Start begins the transfer of a file of total bytes. window is the longest data
// a command may have ([CP.Room]); limit, in ms, is how long the device may go
// without progress. It reports whether that is possible.
func (s *FileSender) Start(now uint32, kind byte, total uint32, window int, limit uint32) bool {
	*s = FileSender{}
	if total == 0 || window <= fileHeader {
		return false
	}
	*s = FileSender{kind: kind, phase: FileSending, total: total, window: window, readyAt: now, began: now, limit: limit}
	return true
}

// Phase is how far the transfer is.
func (s *FileSender) Phase() FilePhase { return s.phase }

// Status is the device's last word.
func (s *FileSender) Status() int16 { return s.status }

// Sent is how many bytes the device has.
func (s *FileSender) Sent() uint32 { return s.offset }

// Next names the chunk to submit now: n bytes from offset, which may be none.
// ok is false when nothing is due.
func (s *FileSender) Next(now uint32) (offset uint32, n int, ok bool) {
	if s.phase != FileSending && s.phase != FileWorking {
		return 0, 0, false
	}
	if until(s.began, now) > s.limit {
		s.phase = FileTimedOut
		return 0, 0, false
	}
	if until(now, s.readyAt) > 0 {
		return 0, 0, false
	}
	n = s.window - fileHeader
	if left := s.total - s.offset; uint64(left) < uint64(n) { // #nosec G115 -- window exceeds the header
		n = int(left)
	}
	s.sent = n
	return s.offset, n, true
}

// Chunk is the command's content for the bytes that Next named.
func (s *FileSender) Chunk(data []byte) FileChunk {
	return FileChunk{Kind: s.kind, Total: s.total, Offset: s.offset, Data: data}
}

// Took takes the device's answer to the chunk: FTSTAT's data. Anything else
// (a NAK, a lost link) is told by Failed.
func (s *FileSender) Took(now uint32, d []byte) {
	var f FileStatus
	if s.phase != FileSending && s.phase != FileWorking {
		return
	}
	if !f.Take(d) {
		s.phase = FileRefused
		return
	}
	s.status = f.Status
	s.readyAt = now + uint32(f.DelayMS)
	if w := int(f.Longest); w > fileHeader && w < s.window {
		s.window = w
	}
	switch {
	case f.Status < 0:
		s.phase = FileRefused
		return
	case s.sent > 0:
		s.offset += uint32(s.sent) // #nosec G115 -- not negative
		s.sent, s.began = 0, now
	}
	if s.offset < s.total {
		if f.Status != FileOK && f.Status != FileFinishing {
			s.phase = FileRefused // done with half a file
		}
		return
	}
	switch f.Status {
	case FileProcessed:
		s.phase = FileDone
	case FileRebooting:
		s.phase = FileReboot
	default:
		s.phase = FileWorking
	}
}

// Failed ends the transfer without an answer. It may be started again from the
// beginning.
func (s *FileSender) Failed() { s.phase = FileRefused }

// FileVerdict is what a [FileReceiver] makes of a chunk.
type FileVerdict byte

// The verdicts.
const (
	FileBad   FileVerdict = iota // out of order, or another file's: answer FileAbort
	FileNew                      // store it, then answer
	FileOld                      // stored before; the answer was lost
	FileLast                     // store it: it completes the file
	FileProbe                    // an empty chunk after the last: say how far you are
)

// FileReceiver is the device's side of a file transfer: it keeps the order. It
// stores nothing.
type FileReceiver struct {
	kind  byte
	total uint32
	next  uint32
	last  uint32 // where the newest chunk began
	on    bool
}

// Accept judges a chunk. One at offset 0 begins a file anew.
func (r *FileReceiver) Accept(c *FileChunk) FileVerdict {
	n := uint32(len(c.Data)) // #nosec G115 -- at most MaxData
	if r.on && (c.Kind != r.kind || c.Total != r.total) && c.Offset != 0 {
		r.on = false
		return FileBad
	}
	switch {
	case n > 0 && c.Offset == 0:
		*r = FileReceiver{kind: c.Kind, total: c.Total, on: true}
	case !r.on:
		return FileBad
	case n == 0:
		if r.next == r.total {
			return FileProbe
		}
		r.on = false
		return FileBad
	case c.Offset == r.last && c.Offset+n == r.next:
		return FileOld
	case c.Offset != r.next:
		r.on = false
		return FileBad
	}
	r.last, r.next = c.Offset, c.Offset+n
	if r.next == r.total {
		return FileLast
	}
	return FileNew
}

// Drop gives the file up.
func (r *FileReceiver) Drop() { r.on = false }
