package frames

import (
	"image"
	"math"
)

// blur is a Gaussian blur of standard deviation sigma inside r. tmp has the size of img.
func blur(img, tmp []float32, w int, r image.Rectangle, sigma float64) {
	if r.Empty() || sigma < 0.25 {
		return
	}
	k := kernel(sigma)
	n := len(k) / 2
	for y := r.Min.Y; y < r.Max.Y; y++ { // along rows
		row, out := img[y*w+r.Min.X:y*w+r.Max.X], tmp[y*w+r.Min.X:y*w+r.Max.X]
		for x := range out {
			if x >= n && x+n < len(row) {
				part := row[x-n : x+n+1]
				var s float32
				for i, f := range k {
					s += f * part[i]
				}
				out[x] = s
				continue
			}
			var s float32
			for i, f := range k {
				s += f * row[min(max(x+i-n, 0), len(row)-1)]
			}
			out[x] = s
		}
	}
	for y := r.Min.Y; y < r.Max.Y; y++ { // along columns
		out := img[y*w+r.Min.X : y*w+r.Max.X]
		clear(out)
		for i, f := range k {
			yy := min(max(y+i-n, r.Min.Y), r.Max.Y-1)
			for x, v := range tmp[yy*w+r.Min.X : yy*w+r.Max.X] {
				out[x] += f * v
			}
		}
	}
}

func kernel(sigma float64) []float32 {
	n := max(1, int(math.Ceil(2.5*sigma)))
	k, sum := make([]float32, 2*n+1), 0.0
	for i := range k {
		d := float64(i - n)
		sum += math.Exp(-d * d / (2 * sigma * sigma))
	}
	for i := range k {
		d := float64(i - n)
		k[i] = float32(math.Exp(-d*d/(2*sigma*sigma)) / sum)
	}
	return k
}

// smear moves the picture inside r by length pixels while the shutter is open.
func smear(img, tmp []float32, w int, r image.Rectangle, length, direction float64) {
	if r.Empty() || length < 0.5 {
		return
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(tmp[y*w+r.Min.X:y*w+r.Max.X], img[y*w+r.Min.X:y*w+r.Max.X])
		clear(img[y*w+r.Min.X : y*w+r.Max.X])
	}
	taps := int(math.Ceil(length)) + 1
	sin, cos := math.Sincos(direction)
	for t := range taps {
		d := (float64(t)/float64(taps-1) - 0.5) * length
		dx, dy := d*cos, d*sin
		xi, yi := int(math.Floor(dx)), int(math.Floor(dy))
		fx, fy := float32(dx-float64(xi)), float32(dy-float64(yi))
		share := 1 / float32(taps)
		a, b, c, e := (1-fx)*(1-fy)*share, fx*(1-fy)*share, (1-fx)*fy*share, fx*fy*share
		for y := r.Min.Y; y < r.Max.Y; y++ {
			y0, y1 := min(max(y+yi, r.Min.Y), r.Max.Y-1), min(max(y+yi+1, r.Min.Y), r.Max.Y-1)
			up, low := tmp[y0*w+r.Min.X:y0*w+r.Max.X], tmp[y1*w+r.Min.X:y1*w+r.Max.X]
			out := img[y*w+r.Min.X : y*w+r.Max.X]
			last := len(out) - 1
			for x := range out {
				x0, x1 := x+xi, x+xi+1
				if x0 < 0 || x1 > last {
					x0, x1 = min(max(x0, 0), last), min(max(x1, 0), last)
				}
				out[x] += a*up[x0] + b*up[x1] + c*low[x0] + e*low[x1]
			}
		}
	}
}

// veilScale is how much coarser than the frame the veil of light is kept.
const veilScale = 16

// veil spreads a share of the light widely over the frame, as a smudged lens does.
func veil(img []float32, w, h int, share float64) {
	if share <= 0 {
		return
	}
	vw, vh := w/veilScale+2, h/veilScale+2
	small, tmp, count := make([]float32, vw*vh), make([]float32, vw*vh), make([]float32, vw*vh)
	for y := 0; y < h; y += 2 {
		for x := 0; x < w; x += 2 {
			i := y/veilScale*vw + x/veilScale
			small[i] += img[y*w+x]
			count[i]++
		}
	}
	for y := range vh { // the rim repeats its neighbour
		for x := range vw {
			i := y*vw + x
			if count[i] > 0 {
				small[i] /= count[i]
			} else {
				small[i] = small[min(y, (h-1)/veilScale)*vw+min(x, (w-1)/veilScale)]
			}
		}
	}
	blur(small, tmp, vw, image.Rect(0, 0, vw, vh), max(0.5, float64(w)/40/veilScale))
	keep, add := float32(1-share), float32(share)
	for y := range h {
		fy := max(0, (float32(y)+0.5)/veilScale-0.5)
		yi := int(fy)
		fy -= float32(yi)
		a, b := small[yi*vw:(yi+1)*vw], small[(yi+1)*vw:(yi+2)*vw]
		row := img[y*w : (y+1)*w]
		for x := range row {
			fx := max(0, (float32(x)+0.5)/veilScale-0.5)
			xi := int(fx)
			fx -= float32(xi)
			top, low := a[xi]+(a[xi+1]-a[xi])*fx, b[xi]+(b[xi+1]-b[xi])*fx
			row[x] = row[x]*keep + (top+(low-top)*fy)*add
		}
	}
}

// glare adds the image of a lamp: an ellipse around (cx, cy) with half axes a and b.
func glare(img []float32, w, h int, cx, cy, a, b, angle, light float64) {
	sin, cos := math.Sincos(angle)
	reach := 3.5 * max(a, b)
	x0, x1 := max(0, int(cx-reach)), min(w, int(cx+reach)+1)
	y0, y1 := max(0, int(cy-reach)), min(h, int(cy+reach)+1)
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			dx, dy := float64(x)-cx, float64(y)-cy
			p, q := (dx*cos+dy*sin)/a, (dy*cos-dx*sin)/b
			if d := p*p + q*q; d < 12 {
				img[y*w+x] += float32(light * math.Exp(-d/2))
			}
		}
	}
}
