package redis_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/con-ting/conting/testdata/servers"
)

// BenchmarkEnter puts people into one room, a batch at a time, as a central does.
func BenchmarkEnter(b *testing.B) {
	for _, size := range []int{1, 64, 512} {
		for name, options := range map[string][]servers.RedisOption{"memory": nil, "everysec": {servers.RedisAppend("everysec")}} {
			b.Run(strconv.Itoa(size)+"/"+name, func(b *testing.B) {
				e := open(b, configure(servers.Redis(b, options...).URL()))
				n := 0
				for b.Loop() {
					enter(b, e, people(n, n+size)...)
					n += size
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "people/s")
			})
		}
	}
}

// A person costs Redis a few tens of bytes, and a room that is small costs little
// more: nothing of it is one key for each person.
func TestMemory(t *testing.T) {
	t.Parallel()
	const crowd = 100_000
	s := servers.Redis(t)
	e := open(t, configure(s.URL()))
	used := func() int {
		t.Helper()
		info, err := s.Do("INFO", "memory")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(info, "\nused_memory:")
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	enter(t, e, people(0, 10)...)
	before := used()
	for i := 10; i < crowd; i += 2000 {
		enter(t, e, people(i, min(i+2000, crowd))...)
	}
	per := (used() - before) / crowd
	t.Logf("redis_bytes_per_person=%d", per)
	if per < 10 || per > 100 {
		t.Errorf("%d bytes a person, want up to 100", per)
	}
}
