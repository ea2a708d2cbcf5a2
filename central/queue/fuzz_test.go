package queue_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/queue"
)

func FuzzRecords(f *testing.F) {
	f.Add(queue.EncodeStep(0, 10), queue.EncodeStep(10, 300, 11, 12, 299))
	f.Add([]byte{2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9}, []byte{3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9})
	f.Add([]byte{1}, []byte{})
	f.Add(queue.EncodeStep(5, 5), append(queue.EncodeStep(0, 1000), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, records := range [][][]byte{{a}, {a, b}, {a, b, a, b}} {
			mark, err := queue.FoldRecords(records)
			if err != nil && !errors.Is(err, queue.ErrCorrupt) || mark > queue.MaxPeople {
				t.Fatalf("mark %d, %v", mark, err)
			}
			if again, err2 := queue.FoldRecords(append(records, records...)); err == nil && (err2 != nil || again != mark) {
				t.Fatalf("once the mark is %d, twice %d, %v", mark, again, err2)
			}
		}
	})
}

func FuzzVerifyShuffle(f *testing.F) {
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"format":"conting-queue-shuffle-1","event":7,"people":1,"key":"00"}` + "\n" + strings.Repeat("0", 32) + "\n"))
	f.Add([]byte(`{"format":"conting-queue-shuffle-1","people":4294967295}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := queue.VerifyShuffle(bytes.NewReader(b)); !errors.Is(err, queue.ErrShuffle) {
			t.Fatalf("%+v, %v", v, err) // nobody signs by guessing
		}
	})
}

func FuzzReceipt(f *testing.F) {
	f.Add("")
	f.Add("AQAAA-k")
	f.Add(strings.Repeat("A", 130))
	f.Add("AQ" + strings.Repeat("A", 171))
	key := make([]byte, 32)
	key[0] = 9
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := queue.ParseReceipt(text, key); !errors.Is(err, queue.ErrShuffle) {
			t.Fatalf("%+v, %v", r, err) // nobody signs by guessing
		}
	})
}
