package logrotate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// parse reads what a rule's file says into s. stray is what no attribute stands for, or what is said
// a second time: other rules in the file, directives outside of the rule, words that are not known.
func (s *Spec) parse(b []byte) (stray []string) {
	found := false
	for _, bl := range scan(b) {
		if found || bl.paths == nil {
			if bl.paths != nil {
				stray = append(stray, strings.Join(bl.paths, " "))
			}
			for _, d := range bl.directives {
				stray = append(stray, d.text)
			}
			continue
		}
		found = true
		s.Paths = bl.paths
		for _, d := range bl.directives {
			if !s.take(d) {
				stray = append(stray, d.text)
			}
		}
	}
	return stray
}

// take reports whether an attribute that was not set yet stands for d.
func (s *Spec) take(d directive) bool {
	switch d.word {
	case "":
		return false
	case "hourly", "daily", "weekly", "monthly", "yearly":
		return d.arg == "" && set(&s.Every, d.word)
	case "size":
		return set(&s.Size, shortSize(d.arg))
	case "minsize":
		return set(&s.MinSize, shortSize(d.arg))
	case "maxsize":
		return set(&s.MaxSize, shortSize(d.arg))
	case "rotate":
		return setNumber(&s.Keep, d.arg)
	case "maxage":
		return setNumber(&s.MaxAge, d.arg)
	case "su":
		return set(&s.Su, strings.Join(strings.Fields(d.arg), " "))
	case "olddir":
		return set(&s.OldDir, d.arg)
	case "create":
		return s.takeCreate(strings.Fields(d.arg))
	case "prerotate":
		return setOnce(&s.PreRotate, d.script)
	case "postrotate":
		return setOnce(&s.PostRotate, d.script)
	}
	for _, sw := range s.switches() {
		if d.word == sw.on || d.word == sw.off {
			on := d.word == sw.on
			first := *sw.value == nil
			*sw.value = &on
			return first
		}
	}
	return false
}

func set(to *string, value string) bool {
	if *to != "" {
		return false
	}
	*to = value
	return value != ""
}

func setNumber(to **int, value string) bool {
	n, err := strconv.Atoi(value)
	if *to != nil || err != nil {
		return false
	}
	*to = &n
	return true
}

func setOnce[L ~[]string](to *L, lines []string) bool {
	if *to != nil || len(lines) == 0 {
		return false
	}
	*to = slices.Clone(lines)
	return true
}

// takeCreate reads "mode owner group", of which the mode may be left out.
func (s *Spec) takeCreate(words []string) bool {
	if s.Create != nil || len(words) > 3 {
		return false
	}
	s.Create = &Create{}
	if len(words) > 0 && strings.Trim(words[0], "01234567") == "" {
		s.Create.Mode, words = place.Mode(words[0]), words[1:]
	}
	if len(words) > 0 {
		s.Create.Owner, words = words[0], words[1:]
	}
	if len(words) > 0 {
		s.Create.Group, words = words[0], words[1:]
	}
	return len(words) == 0
}
