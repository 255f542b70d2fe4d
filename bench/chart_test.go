package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChart(t *testing.T) {
	var (
		g       = group{title: "Query"}
		levels  = []int{1, 1024}
		results []result
	)
	for i := range barColors {
		name := string(rune('a' + i))
		g.contenders = append(g.contenders, contender{name: name})
		for _, level := range levels {
			results = append(results, result{contender: name, workers: level, rates: []float64{30_000}})
		}
	}
	path := filepath.Join(t.TempDir(), "chart.svg")
	if err := drawChart(path, g, levels, results); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	requireXML(t, string(svg))
	wanted := []string{">1,024</text>", ">30,000</text>", ">g</text>"}
	for _, c := range inDark { // a rule for a color that is not drawn would do nothing
		wanted = append(wanted, ":"+hex(c.light))
	}
	_, drawn, _ := strings.Cut(string(svg), "</style>")
	for _, want := range wanted {
		if !strings.Contains(drawn, want) {
			t.Errorf("the chart does not contain %s", want)
		}
	}
}

func requireXML(t *testing.T, document string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(document)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
