package qr

import "time"

// way is one way to look for codes in a frame.
type way struct {
	half     bool  // in the frame at half size: a quarter of the cost, and blind to noise and moiré
	quarter  bool  // at a quarter of the size
	contrast uint8 // gray levels below which a neighbourhood counts as flat
	sharp    int32 // after sharpening by so much, for blurred frames
	bloom    bool  // with what is nearly white set apart, for overexposed screens whose light thins the dark modules
	// stock asks gozxing's own detector, which fails differently from ours.
	stock    bool
	global   bool // with one threshold for the whole frame; stock only
	inverted bool // light modules on a dark ground; stock only, ours takes both
}

// Contrasts, in gray levels.
const (
	clearRange = 20 // in a frame as it should be
	faintRange = 8  // in a dim or veiled frame
)

// ways are all ways, cheap first. Every frame is looked at in the first cheap ways; the others take
// turns over the frames, in the order of what they read that those before do not.
var ways = [...]way{
	{half: true, contrast: clearRange},
	{contrast: clearRange},
	{half: true, contrast: faintRange},
	{half: true, contrast: clearRange, sharp: 5},
	{quarter: true, contrast: clearRange, sharp: 5},
	{stock: true, contrast: 24},
	{stock: true, half: true, global: true},
	{half: true, contrast: clearRange, sharp: 2},
	{contrast: clearRange, sharp: 5},
	{half: true, contrast: clearRange, bloom: true},
	{quarter: true, contrast: clearRange, sharp: 2},
	{contrast: clearRange, sharp: 2},
	{contrast: clearRange, bloom: true},
	{stock: true, half: true, contrast: 24},
	{stock: true, half: true, inverted: true, contrast: 24},
	{stock: true, global: true},
	{stock: true, inverted: true, contrast: 24},
}

// always is how many ways every frame of a stream is looked at in.
const always = 2

// hope is what looks at a frame leave while no code was read.
type hope uint8

const (
	hopeless hope = iota // hardly a finder
	glimpse              // things like finders
	whisper              // a regular finder
	hint                 // finders that may belong to one code
	promise              // finders between which modules alternate as they should
)

// worth is how many ways a single picture is looked at in, by what those before left.
func (h hope) worth() int { return [...]int{always + 1, 5, 7, 13, len(ways)}[h] }

// turns is how many of the ways that take turns a frame of a stream gets.
func (h hope) turns() int { return [...]int{1, 1, 1, 2, len(ways) - always}[h] }

// idleFrames is how many frames of a stream in which nothing is seen get one more way.
const idleFrames = 3

// leastFaint is how many blocks of the frame at half size have only a faint edge if a veiled code is
// there: two pixels a module, of the smallest code.
const leastFaint = 24

// leastSeen is how many things like finders the first ways see, in both together and one at half size
// at least, of a code that a later way reads: each of its three finders is seen twice at best.
const leastSeen = 3

// prices remembers what ways cost, to begin none that the rest of a budget does not pay.
type prices [len(ways)]time.Duration // per million pixels of the frame

// of is what a way is expected to cost on p.
func (s *prices) of(i int, p plane) time.Duration {
	return time.Duration(float64(s[i]) * float64(p.w*p.h) / 1e6)
}

// learn is told what a way did cost, beyond what can be broken off.
func (s *prices) learn(i int, p plane, took time.Duration) {
	price := time.Duration(float64(took) / float64(p.w*p.h) * 1e6)
	s[i] = max(price, (7*s[i]+price)/8) // quick to rise, slow to fall
}
