package store

import (
	"iter"
	"strconv"
	"strings"
)

// portions cuts a list into parts of few different lengths, so that the statements
// for so many rows stay prepared.
func portions[T any](all []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(all) > 0 {
			n := 1
			for _, some := range []int{64, 16, 4} {
				if len(all) >= some {
					n = some
					break
				}
			}
			if !yield(all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}

// places is the list of so many arguments, beginning with one: ($3, $4).
func places(first, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(map[bool]string{true: "($", false: ", $"}[i == 0])
		b.WriteString(strconv.Itoa(first + i))
	}
	b.WriteString(")")
	return b.String()
}
