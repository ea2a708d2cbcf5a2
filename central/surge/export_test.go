package surge

import (
	"bufio"
	"io"
)

// ReadAnswer reads one answer as a connection does.
func ReadAnswer(r io.Reader) (a Answer, keep bool, err error) {
	_, _, keep, err = readAnswer(bufio.NewReaderSize(r, 4<<10), &a, nil, nil)
	return a, keep, err
}

// Member finds a number as polls are read.
func Member(body []byte, name string) (int64, bool) { return member(body, name) }

// Text finds a string as polls are read.
func Text(body []byte, name string) []byte { return text(body, name) }

// MaxBody is the most of a body that is read.
const MaxBody = maxBody
