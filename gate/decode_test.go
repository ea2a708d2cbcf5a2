package main

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"testing"
)

// sideBySide is one picture of two.
func sideBySide(t *testing.T, left, right []byte) []byte {
	t.Helper()
	var halves [2]image.Image
	for i, data := range [2][]byte{left, right} {
		p, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		halves[i] = p
	}
	a, b := halves[0].Bounds(), halves[1].Bounds()
	both := image.NewGray(image.Rect(0, 0, a.Dx()+b.Dx(), max(a.Dy(), b.Dy())))
	draw.Draw(both, a, halves[0], a.Min, draw.Src)
	draw.Draw(both, b.Add(image.Pt(a.Dx(), 0)), halves[1], b.Min, draw.Src)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, both, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
