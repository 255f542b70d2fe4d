package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	chartWidth  = 9 * vg.Inch
	chartHeight = 4.5 * vg.Inch
	chartMargin = 10
	legendWidth = 160
	barWidth    = 12
)

// The colors of a light page are those of GitHub. The chart has a background of
// its own, because a page may be dark although its reader's browser prefers
// light, or the other way round.
var (
	background = color.RGBA{R: 0xFF, G: 0xFF, B: 0xFF, A: 0xFF}
	ink        = color.RGBA{R: 0x24, G: 0x29, B: 0x2F, A: 0xFF}
	faint      = color.RGBA{R: 0xD8, G: 0xDE, B: 0xE4, A: 0xFF}
	gray       = color.RGBA{R: 0x59, G: 0x59, B: 0x59, A: 0xFF}
)

// inDark are the colors that differ where the reader prefers dark pages.
var inDark = []struct{ light, dark color.RGBA }{
	{background, color.RGBA{R: 0x0D, G: 0x11, B: 0x17, A: 0xFF}},
	{ink, color.RGBA{R: 0xE6, G: 0xED, B: 0xF3, A: 0xFF}},
	{faint, color.RGBA{R: 0x30, G: 0x36, B: 0x3D, A: 0xFF}},
	{gray, color.RGBA{R: 0xA0, G: 0xA0, B: 0xA0, A: 0xFF}},
}

// barColors are from the palette of Okabe and Ito, which color-blind readers can
// tell apart.
var barColors = []color.RGBA{
	{R: 0x00, G: 0x72, B: 0xB2, A: 0xFF},
	{R: 0xE6, G: 0x9F, B: 0x00, A: 0xFF},
	{R: 0xF0, G: 0xE4, B: 0x42, A: 0xFF},
	{R: 0xCC, G: 0x79, B: 0xA7, A: 0xFF},
	{R: 0x56, G: 0xB4, B: 0xE9, A: 0xFF},
	{R: 0x00, G: 0x9E, B: 0x73, A: 0xFF},
	gray,
}

// drawChart draws the rates of the group: a cluster of bars for each level.
func drawChart(path string, g group, levels []int, results []result) error {
	p := newPlot(g.title)
	var labels []string
	for _, level := range levels {
		labels = append(labels, numbers.Sprint(level))
	}
	p.NominalX(labels...)
	for i, c := range g.contenders {
		var rates plotter.Values
		for _, level := range levels {
			rates = append(rates, median(find(results, c.name, level).rates))
		}
		if err := addBars(p, i, len(g.contenders), c.name, rates); err != nil {
			return err
		}
	}
	// The first and the last cluster reach half a cluster beyond their middle.
	p.X.Min, p.X.Max = -0.5, float64(len(levels))-0.5
	return writeSVG(path, p)
}

func newPlot(title string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = background
	p.Title.Text = title + ", with the server on the same machine"
	p.Title.TextStyle.Color = ink
	p.Title.TextStyle.Font.Size = 14
	p.Title.Padding = 8
	p.X.Label.Text = "Concurrent calls"
	p.Y.Label.Text = "Calls per second"
	p.Y.Min = 0
	p.Y.Tick.Marker = plot.TickerFunc(wholeTicks)
	styleAxis(&p.X)
	styleAxis(&p.Y)
	p.Legend.Top = true
	p.Legend.Left = true
	p.Legend.Padding = 3
	p.Legend.TextStyle.Color = ink
	p.Legend.TextStyle.Font.Size = 11
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Width = 0.5
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

// wholeTicks returns ticks from 0 to high, at most nine: multiples of 1, 2 or 5
// times a power of ten.
func wholeTicks(_, high float64) []plot.Tick {
	step := 1.0
	for i := 0; high/step > 8; i++ {
		step *= []float64{2, 2.5, 2}[i%3]
	}
	var ticks []plot.Tick
	for value := 0.0; value <= high; value += step {
		ticks = append(ticks, plot.Tick{Value: value, Label: numbers.Sprintf("%.0f", value)})
	}
	return ticks
}

// addBars adds the bars of the i-th of n contenders, one to each cluster.
func addBars(p *plot.Plot, i, n int, name string, rates plotter.Values) error {
	bars, err := plotter.NewBarChart(rates, barWidth)
	if err != nil {
		return err
	}
	bars.Color = barColors[i%len(barColors)]
	bars.LineStyle.Width = 0.5
	bars.LineStyle.Color = ink
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
	// The plot would draw the legend over its bars.
	legend := p.Legend
	p.Legend = plot.NewLegend()
	p.Draw(draw.Crop(whole, chartMargin, -legendWidth, chartMargin, -chartMargin))
	legend.Draw(draw.Crop(whole, chartWidth-legendWidth+chartMargin, 0, 0, -4*chartMargin))
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	return os.WriteFile(path, withDarkColors(withFallbackFonts(svg.Bytes())), 0o644)
}

// withFallbackFonts names fonts of the same widths, because few readers have the
// font that the plot library names.
func withFallbackFonts(svg []byte) []byte {
	const named = "font-family:Liberation Sans"
	return bytes.ReplaceAll(svg, []byte(named), []byte(named+",Arial,Helvetica,sans-serif"))
}

// withDarkColors adds a style sheet for readers who prefer dark pages. The plot
// library writes colors into style attributes, so the rules select by these.
func withDarkColors(svg []byte) []byte {
	var style strings.Builder
	style.WriteString("<style>@media (prefers-color-scheme: dark) {\n")
	for _, c := range inDark {
		for _, property := range []string{"fill", "stroke"} {
			fmt.Fprintf(&style, "[style*=\"%s:%s\"] { %[1]s: %[3]s !important }\n", property, hex(c.light), hex(c.dark))
		}
	}
	style.WriteString("}</style>\n")
	before, content, _ := bytes.Cut(svg, []byte("<g "))
	return slices.Concat(before, []byte(style.String()), []byte("<g "), content)
}

// hex returns c as the plot library writes it.
func hex(c color.RGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }
