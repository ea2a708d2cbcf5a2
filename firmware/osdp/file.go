package osdp

// FileChunk is the data of FILETRANSFER: a piece of a file on its way to the
// device, in order, from offset 0.
type FileChunk struct {
	Kind   byte // 1 opaque; 0x80 … 0xFF are the vendor's
	Total  uint32
	Offset uint32
	Data   []byte // aliases what it was taken from
}

// FileFirmware is the Kind of a controller's image.
const FileFirmware = 0x80

const fileHeader = 11

// Put writes the data to dst and returns their length, or 0 when they do not
// fit.
func (f *FileChunk) Put(dst []byte) int {
	if len(f.Data) > 0xFFFF || len(dst) < fileHeader+len(f.Data) {
		return 0
	}
	dst[0] = f.Kind
	put32(dst[1:], f.Total)
	put32(dst[5:], f.Offset)
	dst[9], dst[10] = low(len(f.Data)), low(len(f.Data)>>8)
	return fileHeader + copy(dst[fileHeader:], f.Data)
}

// Take reads the data. It reports whether they are as long as they say and lie
// within the file.
func (f *FileChunk) Take(d []byte) bool {
	if len(d) < fileHeader || len(d)-fileHeader != int(get16(d[9:])) {
		return false
	}
	*f = FileChunk{d[0], get32(d[1:]), get32(d[5:]), d[fileHeader:]}
	return f.Offset <= f.Total && len(f.Data) <= int(f.Total-f.Offset)
}

// Bits of [FileStatus.Action].
const (
	FileInterleave = 1 << iota // other commands may come between
	FilePlain                  // the file may go outside Secure Channel; never asked for, never done
	FilePoll                   // the panel should poll: something waits
)

// Values of [FileStatus.Status].
const (
	FileOK        int16 = 0  // go on
	FileProcessed int16 = 1  // the whole file was taken
	FileRebooting int16 = 2  // taken; the device starts anew and its channel goes down
	FileFinishing int16 = 3  // still at work; send empty chunks until it is not
	FileAbort     int16 = -1 // the device wants no more of it
	FileUnknown   int16 = -2 // not a kind of file that the device knows
	FileMalformed int16 = -3 // the file's content is wrong
)

// FileStatus is the data of FTSTAT.
type FileStatus struct {
	Action  byte
	DelayMS uint16 // before the next chunk
	Status  int16
	Longest uint16 // data that the next FILETRANSFER may have; 0: no change
}

const fileStatusSize = 7

// Put writes the data to dst and returns their length, 7, or 0 when they do not
// fit.
func (s *FileStatus) Put(dst []byte) int {
	if len(dst) < fileStatusSize {
		return 0
	}
	dst[0] = s.Action
	put16(dst[1:], s.DelayMS)
	put16(dst[3:], uint16(s.Status)) // #nosec G115 -- two's complement is the format
	put16(dst[5:], s.Longest)
	return fileStatusSize
}

// Take reads the data. It reports whether there were enough of them.
func (s *FileStatus) Take(d []byte) bool {
	if len(d) < fileStatusSize {
		return false
	}
	*s = FileStatus{d[0], get16(d[1:]), int16(get16(d[3:])), get16(d[5:])} // #nosec G115 -- two's complement
	return true
}
