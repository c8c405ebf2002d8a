package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// rounds is how often each figure is taken; the median is reported.
const rounds = 5

// tool is one program to measure.
type tool struct {
	name string
	argv []string
}

// inTurn runs each tool once in every round, so that what disturbs the machine disturbs all alike.
func inTurn(rounds int, tools []tool) (map[string][]sample, error) {
	samples := map[string][]sample{}
	for range rounds {
		for _, t := range tools {
			s, err := measure(t.argv)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			samples[t.name] = append(samples[t.name], s)
		}
	}
	return samples, nil
}

// sample is one run.
type sample struct {
	took    time.Duration
	cpu     time.Duration // the processor's, of the program and of the kernel for it
	rssAnon int64         // peak, KiB
	said    string
}

// then is the sample of two programs, one after the other.
func (s sample) then(next sample) sample {
	return sample{s.took + next.took, s.cpu + next.cpu, max(s.rssAnon, next.rssAnon), s.said + next.said}
}

func (s sample) says(text string) bool { return strings.Contains(s.said, text) }

// measure runs a program to its end and watches its anonymous memory.
func measure(argv []string) (sample, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	done, peak := make(chan struct{}), make(chan int64)
	go watch(cmd.Process.Pid, done, peak)
	err := cmd.Wait()
	s := sample{took: time.Since(start)}
	close(done)
	s.rssAnon, s.said = <-peak, out.String()
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err != nil {
		return s, fmt.Errorf("%v: %w: %.500s", argv, err, s.said)
	}
	return s, nil
}

// watch samples RssAnon of /proc/PID/status (proc_pid_status(5)): every millisecond, and less often the longer it lasts, as
// looking takes time too.
func watch(pid int, done <-chan struct{}, peak chan<- int64) {
	var most int64
	start, tick := time.Now(), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			peak <- most
			return
		case <-tick.C:
			tick.Reset(max(time.Millisecond, time.Since(start)/100))
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				continue // it has just ended
			}
			if _, rest, ok := strings.Cut(string(b), "RssAnon:"); ok {
				var kib int64
				if _, err := fmt.Sscan(rest, &kib); err == nil {
					most = max(most, kib)
				}
			}
		}
	}
}

// freshDisk mounts a new ext4 file system at dir: what was deleted and created again on one file
// system slows every tool.
func freshDisk(dir string) (unmount func() error, err error) {
	img := dir + ".img"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(img); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, argv := range [][]string{
		{"truncate", "-s", "512M", img}, {"mkfs.ext4", "-q", "-N", "65536", img}, {"mount", "-o", "loop", img, dir},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w: %s", argv, err, out)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bench"), 0o755); err != nil {
		return nil, err
	}
	return func() error {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			return fmt.Errorf("umount %s: %w: %s", dir, err, out)
		}
		return nil
	}, nil
}
