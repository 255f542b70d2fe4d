package main

import (
	"bufio"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// watchPeak samples the memory of heap and stacks. The function that it returns
// ends that, and returns the highest sample.
func watchPeak() (stop func() uint64) {
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		highest := heapAndStacks()
		for {
			select {
			case <-ticker.C:
				highest = max(highest, heapAndStacks())
			case <-done:
				peak <- max(highest, heapAndStacks())
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-peak
	}
}

// heapAndStacks returns the bytes of objects, including garbage that is not yet
// swept, and of goroutine stacks. It does not stop the world.
func heapAndStacks() uint64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}

// residentPeak returns the peak memory of the process in bytes, or 0 on a system
// that does not report it as Linux does.
func residentPeak() uint64 {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:")
		if !ok {
			continue
		}
		kB, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
		if err != nil {
			return 0
		}
		return kB << 10
	}
	return 0
}
