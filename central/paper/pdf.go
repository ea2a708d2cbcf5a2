package paper

import (
	_ "embed"
	"fmt"
	"io"

	"github.com/signintech/gopdf"
)

//go:embed font/regular.ttf
var regular []byte

//go:embed font/bold.ttf
var bold []byte

// pointsPerMM turns millimetres into the points of PDF (ISO 32000, 8.3.2.3).
const pointsPerMM = 72 / 25.4

type pdfCanvas struct{ doc *gopdf.GoPdf }

func newPDF() (*pdfCanvas, error) {
	doc := &gopdf.GoPdf{}
	doc.Start(gopdf.Config{PageSize: gopdf.Rect{W: Width * pointsPerMM, H: Height * pointsPerMM}})
	for name, data := range map[string][]byte{"regular": regular, "bold": bold} {
		if err := doc.AddTTFFontData(name, data); err != nil {
			return nil, fmt.Errorf("font: %w", err)
		}
	}
	doc.AddPage()
	return &pdfCanvas{doc}, nil
}

func (c *pdfCanvas) rect(x, y, w, h float64, shade uint8) {
	c.doc.SetFillColor(shade, shade, shade)
	c.doc.RectFromUpperLeftWithStyle(x*pointsPerMM, y*pointsPerMM, w*pointsPerMM, h*pointsPerMM, "F")
}

func (c *pdfCanvas) set(f face) error {
	name := "regular"
	if f.bold {
		name = "bold"
	}
	if err := c.doc.SetFont(name, "", f.mm*pointsPerMM); err != nil {
		return fmt.Errorf("font: %w", err)
	}
	return nil
}

func (c *pdfCanvas) text(x, baseline float64, f face, s string, shade uint8) error {
	if err := c.set(f); err != nil {
		return err
	}
	c.doc.SetTextColor(shade, shade, shade)
	c.doc.SetXY(x*pointsPerMM, baseline*pointsPerMM)
	if err := c.doc.Text(s); err != nil {
		return fmt.Errorf("text: %w: %w", ErrSheet, err)
	}
	return nil
}

func (c *pdfCanvas) width(f face, s string) (float64, error) {
	if err := c.set(f); err != nil {
		return 0, err
	}
	w, err := c.doc.MeasureTextWidth(s)
	if err != nil {
		return 0, fmt.Errorf("text: %w: %w", ErrSheet, err)
	}
	return w / pointsPerMM, nil
}

func (c *pdfCanvas) write(w io.Writer) error {
	data, err := c.doc.GetBytesPdfReturnErr()
	if err != nil {
		return fmt.Errorf("pdf: %w", err)
	}
	_, err = w.Write(data)
	return err
}
