package lane

import "time"

// strangers bounds how many codes that are not ours the journal takes: whoever
// holds a screen of changing codes before the camera, or hangs up a poster, must
// not fill the disk or wear it out. Parts of presentations that are broken, do not
// fit, are shown where nobody reads them, or make up what does not verify count with
// them. Each is shown and counted in the metrics all the same. Whatever begins like
// a pass is journaled always, however broken.
type strangers struct {
	left  int // entries that may still be written
	since time.Time
}

const (
	strangerEntries = 30 // in strangerPeriod
	strangerPeriod  = time.Minute
)

// take reports whether the journal takes one more.
func (s *strangers) take(now time.Time) bool {
	if s.since.IsZero() || now.Sub(s.since) >= strangerPeriod {
		s.since, s.left = now, strangerEntries
	}
	if s.left == 0 {
		return false
	}
	s.left--
	return true
}
