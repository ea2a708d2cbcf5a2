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

// BenchmarkMemory says what a crowd of 100,000 costs Redis.
func BenchmarkMemory(b *testing.B) {
	per := 0
	for b.Loop() {
		per = memory(b, 100_000)
	}
	b.ReportMetric(float64(per), "redis_bytes_per_person")
}

// A person costs Redis a few tens of bytes, and the small hashes of a room that is
// small no more than two megabytes: nothing of it is one key for each person.
func TestMemory(t *testing.T) {
	t.Parallel()
	const crowd = 20_000
	if per := memory(t, crowd); per < 10 || per > 60+2_000_000/crowd {
		t.Errorf("%d bytes a person", per)
	}
}

// memory returns how many bytes a person of a crowd costs Redis.
func memory(t testing.TB, crowd int) int {
	t.Helper()
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
	return (used() - before) / crowd
}
