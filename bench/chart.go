package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	chartWidth  = 9 * vg.Inch
	chartHeight = 5 * vg.Inch
	chartMargin = 10
	barWidth    = 16

	// headroom is what the axis is longer than the longest bar, for the legend.
	headroom = 1.4
)

// The chart has a background of its own, since a page's may be dark.
var (
	background = color.RGBA{R: 0xFA, G: 0xFA, B: 0xFA, A: 0xFF}
	ink        = color.RGBA{R: 0x24, G: 0x29, B: 0x2F, A: 0xFF}
	faint      = color.RGBA{R: 0xD8, G: 0xDE, B: 0xE4, A: 0xFF}
)

// barColors are of Okabe and Ito's palette, which those who see fewer colours
// tell apart as well.
var barColors = []color.RGBA{
	{R: 0x00, G: 0x72, B: 0xB2, A: 0xFF},
	{R: 0xE6, G: 0x9F, B: 0x00, A: 0xFF},
	{R: 0xF0, G: 0xE4, B: 0x42, A: 0xFF},
	{R: 0xCC, G: 0x79, B: 0xA7, A: 0xFF},
	{R: 0x56, G: 0xB4, B: 0xE9, A: 0xFF},
	{R: 0x00, G: 0x9E, B: 0x73, A: 0xFF},
	{R: 0x59, G: 0x59, B: 0x59, A: 0xFF},
}

// drawChart draws requests per second as groups of bars, one for each level.
func drawChart(path string, g group, levels []int, results []result) error {
	p := newPlot()
	var labels []string
	for _, level := range levels {
		labels = append(labels, fmt.Sprint(level))
	}
	p.NominalX(labels...)
	highest := 0.0
	for i, c := range g.contenders {
		var rates plotter.Values
		for _, level := range levels {
			rate := median(find(results, c.name, level).rates)
			rates = append(rates, rate)
			highest = max(highest, rate)
		}
		if err := addBars(p, i, len(g.contenders), c.name, rates); err != nil {
			return err
		}
	}
	p.Y.Max = highest * headroom
	// The first and the last group are half a group wide beyond their middle.
	p.X.Min, p.X.Max = -0.5, float64(len(levels))-0.5
	return writeSVG(path, p)
}

func newPlot() *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = background
	p.Title.Text = "Queries answered by a server on the same machine, over TLS"
	p.Title.TextStyle.Color = ink
	p.Title.TextStyle.Font.Size = 14
	p.Title.Padding = 8
	p.X.Label.Text = "Calls at once"
	p.Y.Label.Text = "Requests per second"
	p.Y.Min = 0
	p.Y.Tick.Marker = plot.TickerFunc(wholeTicks)
	styleAxis(&p.X)
	styleAxis(&p.Y)
	p.Legend.Top = true
	p.Legend.Left = true
	p.Legend.XOffs = 8
	p.Legend.Padding = 2
	p.Legend.TextStyle.Color = ink
	p.Legend.TextStyle.Font.Size = 11
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid)
	return p
}

func styleAxis(a *plot.Axis) {
	a.Color = ink
	a.Padding = 0
	a.Label.Padding = 4
	a.Label.TextStyle.Color = ink
	a.Label.TextStyle.Font.Size = 12
	a.Tick.Color = ink
	a.Tick.Label.Color = ink
	a.Tick.Label.Font.Size = 11
}

// wholeTicks are the default ones, with labels that have no exponent.
func wholeTicks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = fmt.Sprintf("%.0f", ticks[i].Value)
		}
	}
	return ticks
}

// addBars adds the bars of the i-th contender, one in each group.
func addBars(p *plot.Plot, i, n int, name string, rates plotter.Values) error {
	bars, err := plotter.NewBarChart(rates, barWidth)
	if err != nil {
		return err
	}
	bars.Color = barColors[i%len(barColors)]
	bars.LineStyle.Width = 0
	bars.Offset = (vg.Length(i) - vg.Length(n-1)/2) * (barWidth + 1)
	p.Add(bars)
	p.Legend.Add(name, bars)
	return nil
}

func writeSVG(path string, p *plot.Plot) error {
	canvas := vgsvg.New(chartWidth, chartHeight)
	whole := draw.New(canvas)
	whole.FillPolygon(background, []vg.Point{
		{X: 0, Y: 0}, {X: chartWidth, Y: 0}, {X: chartWidth, Y: chartHeight}, {X: 0, Y: chartHeight},
	})
	p.Draw(draw.Crop(whole, chartMargin, -chartMargin, chartMargin, -chartMargin))
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	return os.WriteFile(path, withFallbackFonts(svg.Bytes()), 0o644)
}

// withFallbackFonts names fonts of the same widths, since few readers have the
// one that the library names.
func withFallbackFonts(svg []byte) []byte {
	const named = "font-family:Liberation Sans"
	return bytes.ReplaceAll(svg, []byte(named), []byte(named+",Arial,Helvetica,sans-serif"))
}
