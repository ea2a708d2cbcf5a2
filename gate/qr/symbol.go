package qr

import (
	"cmp"
	"slices"
)

// Bounds on what is believed of a symbol's modules.
const (
	mostCodewords = 3706 // of version 40
	leastFormat   = 0.3  // mean agreement of the format information's modules with the likeliest format
	erasureStep   = 2    // codewords that are given up from one try at a block to the next
	mostDoubt     = 0.22 // share of a block's certainty that its corrections may speak against
)

// symbols reads modules into text, told how sure each module is.
type symbols struct {
	blueprints [41]*blueprint // of the versions that were seen
	correct    corrector

	words [mostCodewords]byte    // codewords as read, then as corrected
	trust [mostCodewords]float32 // how sure the least sure bit of each is
	sure  [mostCodewords]bool    // it is in a block that was corrected
	bits  [8 * mostCodewords]float32
	data  [mostCodewords]byte
	weak  bool // a block was believed in which symbols had been given up

	mirrored    bool
	format      int     // of the last symbol
	score       float32 // agreement of the last symbol's format information
	transposed  []float32
	block       [255]byte
	index       [255]int // of the block's symbols among the codewords
	doubtful    [255]uint8
	formatWords [32]int
}

func newSymbols() *symbols {
	s := &symbols{
		correct:    corrector{field: newField()},
		transposed: make([]float32, mostSide*mostSide),
	}
	for i := range s.formatWords {
		s.formatWords[i] = formatBits(i)
	}
	return s
}

// blueprint returns that of a version, or nil if there is no such version.
func (s *symbols) blueprint(version int) *blueprint {
	if version < 1 || version > 40 {
		return nil
	}
	if s.blueprints[version] == nil {
		s.blueprints[version] = newBlueprint(version)
	}
	return s.blueprints[version]
}

// read makes text of the modules of a symbol, given row by row: positive for dark, the farther from
// 0 the surer. It fails if they are no symbol, or not surely enough which.
func (s *symbols) read(b *blueprint, soft []float32) (string, bool) {
	format, mirrored, score := s.likeliestFormat(b, soft)
	s.score, s.format, s.mirrored = score, format, mirrored
	if score < leastFormat {
		return "", false
	}
	if mirrored {
		soft = s.transpose(soft, b.side)
	}
	s.gather(b, soft, format&7)
	p := &b.plans[format>>3]
	s.weak = false
	good := true
	for i := range p.blocks {
		good = s.mendBlock(b, p, i) && good
	}
	if !good {
		return "", false
	}
	text, err := parseSegments(s.deal(p), b.version, s.weak)
	return text, err == nil && text != ""
}

// likeliestFormat is the format information whose modules agree best with soft, and their mean
// agreement. In a mirrored symbol rows and columns are exchanged.
func (s *symbols) likeliestFormat(b *blueprint, soft []float32) (format int, mirrored bool, score float32) {
	n := b.side
	var straight, turned [15]float32
	var size float32
	for i := range 15 {
		for _, p := range formatPlaces(n, i) {
			v, w := soft[p], soft[p%n*n+p/n]
			straight[i] += v
			turned[i] += w
			size += max(v, -v)
		}
	}
	best := float32(-1)
	for k, bits := range s.formatWords {
		var a, m float32
		for i := range 15 {
			if bits>>i&1 == 1 {
				a, m = a+straight[i], m+turned[i]
			} else {
				a, m = a-straight[i], m-turned[i]
			}
		}
		if a > best {
			best, format, mirrored = a, k, false
		}
		if m > best {
			best, format, mirrored = m, k, true
		}
	}
	return format, mirrored, best / (size + 1e-6)
}

// transpose exchanges rows and columns.
func (s *symbols) transpose(soft []float32, n int) []float32 {
	out := s.transposed[:n*n]
	for y := range n {
		for x := range n {
			out[x*n+y] = soft[y*n+x]
		}
	}
	return out
}

// gather takes the mask off and makes codewords of bits.
func (s *symbols) gather(b *blueprint, soft []float32, mask int) {
	n := b.side
	for i := range len(b.order) / 8 {
		var word byte
		least := float32(1e9)
		for k, at := range b.order[8*i : 8*i+8] {
			v := soft[at]
			if masked(mask, int(at)%n, int(at)/n) {
				v = -v
			}
			s.bits[8*i+k] = v
			word <<= 1
			if v > 0 {
				word |= 1
			} else {
				v = -v
			}
			least = min(least, v)
		}
		s.words[i], s.trust[i], s.sure[i] = word, least, false
	}
}

// mendBlock corrects block i in s.words, giving up more and more of the codewords that are least
// sure.
func (s *symbols) mendBlock(b *blueprint, p *plan, i int) bool {
	data := p.length(i)
	n := data + p.parity
	for k := range n {
		s.index[k] = p.index(i, k)
		s.block[k] = s.words[s.index[k]]
	}
	word := s.block[:n]
	if s.correct.check(word, p.parity) {
		s.accept(n)
		return true
	}
	doubtful := s.doubtful[:n]
	for k := range doubtful {
		doubtful[k] = uint8(k)
	}
	slices.SortFunc(doubtful, func(x, y uint8) int {
		return cmp.Compare(s.trust[s.index[x]], s.trust[s.index[y]])
	})
	for e := 0; e < p.parity; e += erasureStep {
		count, ok := s.correct.mend(n, p.parity, doubtful[:e])
		if !ok || !s.likely(n, count) {
			continue
		}
		for k := range count {
			s.words[s.index[s.correct.at[k]]] ^= s.correct.found[k]
		}
		s.weak = s.weak || e > 0
		s.accept(n)
		return true
	}
	return false
}

// likely says whether the corrections change bits that were unsure: in noise that passes for a
// message they change as many as they leave.
func (s *symbols) likely(n, count int) bool {
	var all, against float32
	for k := range n {
		for _, v := range s.bits[8*s.index[k] : 8*s.index[k]+8] {
			all += max(v, -v)
		}
	}
	for k := range count {
		at := s.index[s.correct.at[k]]
		for bit := range 8 {
			if s.correct.found[k]>>(7-bit)&1 == 1 {
				v := s.bits[8*at+bit]
				against += max(v, -v)
			}
		}
	}
	return against <= mostDoubt*all
}

// teach tells q what the modules of corrected codewords are.
func (s *symbols) teach(b *blueprint, q *equaliser) {
	n := b.side
	for i := range len(b.order) / 8 {
		if !s.sure[i] {
			continue
		}
		for k, at := range b.order[8*i : 8*i+8] {
			x, y := int(at)%n, int(at)/n
			dark := s.words[i]>>(7-k)&1 == 1 != masked(s.format&7, x, y)
			if s.mirrored {
				x, y = y, x
			}
			q.want[y*n+x], q.trust[y*n+x] = -1, knownTrust
			if dark {
				q.want[y*n+x] = 1
			}
		}
	}
}

// accept marks the codewords of the block at hand as certain.
func (s *symbols) accept(n int) {
	for _, at := range s.index[:n] {
		s.sure[at] = true
	}
}

// index is where symbol k of block i is among the codewords.
func (p *plan) index(i, k int) int {
	data := p.length(i)
	switch {
	case k >= data:
		return p.total() + (k-data)*p.blocks + i
	case k == p.data:
		return p.data*p.blocks + i - p.short
	default:
		return k*p.blocks + i
	}
}

// deal puts the data codewords in order.
func (s *symbols) deal(p *plan) []byte {
	out := s.data[:0]
	for i := range p.blocks {
		for k := range p.length(i) {
			out = append(out, s.words[p.index(i, k)])
		}
	}
	return out
}

// side is the number of modules along one side of the code.
func (c *Code) side() float64 { return float64(17 + 4*c.Version) }
