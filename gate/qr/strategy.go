package qr

// strategy is one way to turn gray pixels into black and white before looking for a code.
type strategy struct {
	half     bool // on the frame at half size: a quarter of the cost, and blind to noise and moiré
	global   bool // one threshold for the whole frame instead of one for each neighbourhood
	sharp    bool // after sharpening, for blurred frames
	faint    bool // with neighbourhoods of little contrast, for dim frames
	bloom    bool // thresholds nearer to white, for overexposed screens whose light thins the dark modules
	inverted bool // light modules on a dark ground
}

// always are the strategies that every frame gets, cheap first.
var always = []strategy{
	{half: true},
	{},
}

// turns are the strategies that take turns over the frames, in the order of what they read that
// those above do not. The table is never changed after the program started.
var turns = []strategy{
	{half: true, inverted: true},
	{bloom: true},
	{sharp: true},
	{half: true, faint: true},
	{half: true, sharp: true},
	{inverted: true},
	{half: true, global: true},
	{global: true},
}
