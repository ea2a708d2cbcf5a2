package qr

// What a blueprint says of a module.
const (
	free      = int8(0)  // it carries data
	knownDark = int8(1)  // it is dark in every symbol of the version
	knownPale = int8(-1) // it is light in every symbol of the version
	varies    = int8(2)  // it carries format information
)

// blueprint is what all symbols of one version have in common.
type blueprint struct {
	version, side int
	modules       []int8   // row by row: free, knownDark, knownPale or varies
	order         []uint16 // the modules that carry codewords, in the order of their bits
	plans         [4]plan  // by the two bits that name the level of error correction
}

// plan is how the codewords of a symbol are dealt to blocks (ISO/IEC 18004, table 9).
type plan struct {
	blocks int
	short  int // of them have data codewords; the others have one more
	data   int
	parity int
}

// length of a block's data.
func (p *plan) length(b int) int {
	if b < p.short {
		return p.data
	}
	return p.data + 1
}

// total is the number of data codewords of all blocks.
func (p *plan) total() int { return p.blocks*p.data + p.blocks - p.short }

// newBlueprint lays out version, 1 to 40.
func newBlueprint(version int) *blueprint {
	n := 17 + 4*version
	b := &blueprint{version: version, side: n, modules: make([]int8, n*n)}
	b.corner(0, 0)
	b.corner(n-7, 0)
	b.corner(0, n-7)
	var centres [7]int
	at := alignmentCentres(version, &centres)
	for i, y := range at {
		for j, x := range at {
			if last := len(at) - 1; i == 0 && j == 0 || i == 0 && j == last || i == last && j == 0 {
				continue
			}
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					b.set(x+dx, y+dy, max(dx, -dx, dy, -dy) != 1)
				}
			}
		}
	}
	for i := 8; i < n-8; i++ {
		b.set(i, 6, i%2 == 0)
		b.set(6, i, i%2 == 0)
	}
	for i := range 15 {
		for _, p := range formatPlaces(n, i) {
			b.modules[p] = varies
		}
	}
	b.set(8, n-8, true)
	if version >= 7 {
		bits := versionBits(version)
		for i := range 18 {
			x, y := n-11+i%3, i/3
			b.set(x, y, bits>>i&1 == 1)
			b.set(y, x, bits>>i&1 == 1)
		}
	}
	b.walk()
	for bits := range b.plans {
		words, blocks, parity := len(b.order)/8, int(blockCounts[bits][version-1]), int(parities[bits][version-1])
		b.plans[bits] = plan{blocks: blocks, short: blocks - words%blocks, data: words/blocks - parity, parity: parity}
	}
	return b
}

// set says what the module in column x of row y is in every symbol.
func (b *blueprint) set(x, y int, dark bool) {
	b.modules[y*b.side+x] = knownPale
	if dark {
		b.modules[y*b.side+x] = knownDark
	}
}

// corner draws a finder pattern with its upper left module at (x, y), and the light border inside
// the symbol.
func (b *blueprint) corner(x, y int) {
	for dy := -1; dy <= 7; dy++ {
		for dx := -1; dx <= 7; dx++ {
			if u, v := x+dx, y+dy; u >= 0 && v >= 0 && u < b.side && v < b.side {
				ring := max(dx-3, 3-dx, dy-3, 3-dy)
				b.set(u, v, ring != 2 && ring != 4)
			}
		}
	}
}

// walk notes the modules that carry data in the order of ISO/IEC 18004, 7.7.3: in columns two wide
// from the right, up and down in turn, passing over the timing pattern's column.
func (b *blueprint) walk() {
	n, up := b.side, true
	for right := n - 1; right > 0; right -= 2 {
		if right == 6 {
			right--
		}
		for k := range n {
			y := k
			if up {
				y = n - 1 - k
			}
			for _, x := range [2]int{right, right - 1} {
				if b.modules[y*n+x] == free {
					b.order = append(b.order, uint16(y*n+x)) //nolint:gosec // at most 177²
				}
			}
		}
		up = !up
	}
	b.order = b.order[:len(b.order)/8*8] // a few modules are left over
}

// formatPlaces are the two modules that carry bit i of the format information, 14 being the first.
func formatPlaces(n, i int) [2]int {
	var x, y int
	switch {
	case i < 6:
		x, y = 8, i
	case i < 8:
		x, y = 8, i+1
	case i == 8:
		x, y = 7, 8
	default:
		x, y = 14-i, 8
	}
	if i < 8 {
		return [2]int{y*n + x, 8*n + n - 1 - i}
	}
	return [2]int{y*n + x, (n-15+i)*n + 8}
}

// formatBits are the 15 bits that stand for five (ISO/IEC 18004, 7.9): two for the level of error
// correction, three for the mask.
func formatBits(format int) int {
	rest := format << 10
	for i := 14; i >= 10; i-- {
		if rest>>i&1 == 1 {
			rest ^= 0x537 << (i - 10)
		}
	}
	return (format<<10 | rest) ^ 0x5412
}

// versionBits are the 18 bits that stand for a version from 7 on (ISO/IEC 18004, 7.10).
func versionBits(version int) int {
	rest := version << 12
	for i := 17; i >= 12; i-- {
		if rest>>i&1 == 1 {
			rest ^= 0x1F25 << (i - 12)
		}
	}
	return version<<12 | rest
}

// masked says whether a mask turns over the module in column x of row y (ISO/IEC 18004, table 10).
func masked(mask, x, y int) bool {
	switch mask {
	case 0:
		return (x+y)%2 == 0
	case 1:
		return y%2 == 0
	case 2:
		return x%3 == 0
	case 3:
		return (x+y)%3 == 0
	case 4:
		return (y/2+x/3)%2 == 0
	case 5:
		return x*y%2+x*y%3 == 0
	case 6:
		return (x*y%2+x*y%3)%2 == 0
	default:
		return ((x+y)%2+x*y%3)%2 == 0
	}
}
