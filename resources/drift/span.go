package drift

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// units are those of a time span (systemd.time(7)). A number without one is seconds.
var units = map[string]time.Duration{
	"usec": time.Microsecond, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"msec": time.Millisecond, "ms": time.Millisecond,
	"seconds": time.Second, "second": time.Second, "sec": time.Second, "s": time.Second, "": time.Second,
	"minutes": time.Minute, "minute": time.Minute, "min": time.Minute, "m": time.Minute,
	"hours": time.Hour, "hour": time.Hour, "hr": time.Hour, "h": time.Hour,
	"days": day, "day": day, "d": day,
	"weeks": 7 * day, "week": 7 * day, "w": 7 * day,
	"months": month, "month": month, "M": month,
	"years": year, "year": year, "y": year,
}

// A month and a year as systemd has them: 30.44 and 365.25 days.
const (
	day   = 24 * time.Hour
	month = 2629800 * time.Second
	year  = 31557600 * time.Second
)

var (
	spanText = regexp.MustCompile(`^\s*(\d+(\.\d+)?\s*(\pL+)?\s*)+$`)
	spanPart = regexp.MustCompile(`(\d+(?:\.\d+)?)\s*(\pL*)`)
)

// longest keeps sums from overflowing.
const longest = 100 * year

// span reads a time span, such as "1h 30min". "infinity", which systemd knows too, is none here.
func span(s string) (time.Duration, error) {
	wrong := fmt.Errorf(`%q is no time span such as "15min" or "1h 30min" (systemd.time(7))`, s)
	if !spanText.MatchString(s) {
		return 0, wrong
	}
	var sum time.Duration
	for _, part := range spanPart.FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseFloat(part[1], 64)
		unit, known := units[part[2]]
		if err != nil || !known {
			return 0, wrong
		}
		if n*float64(unit) > float64(longest) {
			return 0, fmt.Errorf("%q is longer than a hundred years", s)
		}
		if sum += time.Duration(n * float64(unit)); sum > longest {
			return 0, fmt.Errorf("%q is longer than a hundred years", s)
		}
	}
	return sum, nil
}
