package template

import (
	"fmt"
	"strings"
	"time"
)

// strftime writes a time as C's strftime does in the C locale; "-" after a "%" takes the padding away, as in glibc. What is
// no directive stays as it is.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		n := 1
		bare := format[i+1] == '-' && i+2 < len(format)
		if bare {
			n = 2
		}
		s, ok := directive(t, format[i+n])
		if !ok {
			b.WriteByte('%')
			continue
		}
		if bare {
			if cut := strings.TrimLeft(s, "0 "); cut != "" {
				s = cut
			} else {
				s = "0"
			}
		}
		b.WriteString(s)
		i += n
	}
	return b.String()
}

// layouts are the directives that package time knows by other names.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'm': "01", 'y': "06", 'Y': "2006",
	'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002",
	'F': "2006-01-02", 'T': "15:04:05", 'X': "15:04:05", 'D': "01/02/06", 'x': "01/02/06", 'R': "15:04", 'r': "03:04:05 PM",
	'c': "Mon Jan _2 15:04:05 2006",
}

func directive(t time.Time, c byte) (string, bool) {
	if c == 'f' {
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	}
	if layout, ok := layouts[c]; ok {
		return t.Format(layout), true
	}
	year, week := t.ISOWeek()
	weekday := int(t.Weekday())
	switch c {
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 'z', 'Z':
		return "", true // Python's datetime.now() has no zone
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100), true
	case 'k':
		return fmt.Sprintf("%2d", t.Hour()), true
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1), true
	case 'P':
		return strings.ToLower(t.Format("PM")), true
	case 's':
		return fmt.Sprint(t.Unix()), true
	case 'u':
		return fmt.Sprint((weekday+6)%7 + 1), true
	case 'w':
		return fmt.Sprint(weekday), true
	case 'G':
		return fmt.Sprint(year), true
	case 'g':
		return fmt.Sprintf("%02d", year%100), true
	case 'V':
		return fmt.Sprintf("%02d", week), true
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-weekday)/7), true
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(weekday+6)%7)/7), true
	}
	return "", false
}
