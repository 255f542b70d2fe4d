package main

import "testing"

func TestCheckResumed(t *testing.T) {
	for name, tt := range map[string]struct {
		contender string
		count     connections
		fails     bool
	}{
		"all":                    {ours, connections{100, 100}, false},
		"95 of 100":              {ours, connections{100, 95}, false},
		"94 of 100":              {ours, connections{100, 94}, true},
		"none of none":           {ours, connections{}, true},
		"none of a contender's":  {resuming, connections{100, 0}, false},
		"1,899 of 2,000 is less": {ours, connections{2000, 1899}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkResumed("Schedule", []result{
				{contender: ours, workers: 1, connections: connections{10, 10}},
				{contender: tt.contender, workers: 16, connections: tt.count},
			})
			if (err != nil) != tt.fails {
				t.Errorf("got error %v, want one: %v", err, tt.fails)
			}
		})
	}
}
