package update_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/firmware/update"
)

func FuzzVerify(f *testing.F) {
	public, private := keyPair()
	for _, n := range []int{1, 300} {
		file, err := update.Pack(image(1)[:n], board, 1, private)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
		f.Add(file[:len(file)-1])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := update.Verify(file, public)
		if err != nil {
			return
		}
		again, err := update.Pack(v.Transfer[update.HeaderSize:], v.Board, v.Version, private)
		if err != nil || !bytes.Equal(again, file) {
			t.Fatalf("verified, and packed again it is another file: %v", err)
		}
	})
}

// FuzzWrite gives a controller any pieces, four bytes of place and length
// before each: it never changes the slot that runs, and always starts.
func FuzzWrite(f *testing.F) {
	f.Add(uint16(200), []byte{0, 0, 56, 0, 'C', 'T', 'F', '1'})
	f.Add(uint16(900), []byte{})
	f.Fuzz(func(t *testing.T, total uint16, data []byte) {
		flash := installed(t, 3)
		s, running := mustBoot(t, flash)
		flash.fence(1 - running)
		// Half the transfers begin well, so that the rest is reached.
		if total%2 == 0 {
			good := transfer(t, 2)
			s.Begin(uint32(len(good)))
			s.Write(0, good[:min(int(total), len(good)-1)])
		} else {
			s.Begin(uint32(total))
		}
		for len(data) > 4 {
			at := uint32(data[0]) | uint32(data[1])<<8
			if data[3]&0x80 != 0 {
				at |= 0xFFFF0000
			}
			n := min(int(data[2]), len(data)-4)
			work(s, s.Write(at, data[4:4+n]))
			data = data[4+n:]
		}
		again, now := mustBoot(t, flash)
		if v := again.Version(now); v != 1 && v != 2 {
			t.Fatalf("version %d starts", v)
		}
	})
}
