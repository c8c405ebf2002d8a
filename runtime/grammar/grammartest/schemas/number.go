package schemas

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

func (m *maker) integer() Sample {
	m.use("integer")
	lo := m.Int64N(2000) - 1000
	if m.chance(4) {
		lo = m.Int64N(2e15) - 1e15
	}
	hi := lo + m.Int64N(1<<m.Int64N(40))
	text := `{"type":"integer"`
	from, to := int64(-1e15), int64(1e15)
	if m.chance(2) {
		from = lo
		if m.chance(2) {
			m.use("minimum")
			text += fmt.Sprintf(`,"minimum":%d`, lo)
		} else {
			m.use("exclusiveMinimum")
			text += fmt.Sprintf(`,"exclusiveMinimum":%d`, lo-1)
		}
	}
	if m.chance(2) {
		to = hi
		if m.chance(2) {
			m.use("maximum")
			text += fmt.Sprintf(`,"maximum":%d.5`, hi)
			if hi < 0 {
				to = hi - 1
				if from > to {
					text = strings.Replace(text, fmt.Sprintf(`"maximum":%d.5`, hi), fmt.Sprintf(`"maximum":%d`, hi), 1)
					to = hi
				}
			}
		} else {
			m.use("exclusiveMaximum")
			text += fmt.Sprintf(`,"exclusiveMaximum":%d`, hi+1)
		}
	}
	if m.chance(4) {
		m.use("multipleOf")
		text = strings.Replace(text, "integer", "number", 1) + `,"multipleOf":1`
	}
	return plain(text+"}", func() string {
		switch m.IntN(4) {
		case 0:
			return strconv.FormatInt(from, 10)
		case 1:
			return strconv.FormatInt(to, 10)
		}
		return strconv.FormatInt(from+m.Int64N(to-from+1), 10)
	})
}

func (m *maker) number() Sample {
	m.use("number")
	scale := int64(1)
	digits := m.IntN(6)
	for range digits {
		scale *= 10
	}
	lo := m.Int64N(4000*scale) - 2000*scale
	hi := lo + 1 + m.Int64N(1+m.Int64N(scale*100))
	write := func(x int64) string { return big.NewRat(x, scale).FloatString(digits) }
	text := `{"type":"number"`
	switch m.IntN(5) {
	case 0:
		return plain(text+"}", func() string { return []string{"0", "-0.5", "12e9", "3.25E-10", "1234567890123456"}[m.IntN(5)] })
	case 1:
		m.use("minimum", "maximum")
		return plain(text+`,"minimum":`+write(lo)+`,"maximum":`+write(hi)+`}`, func() string { return write(lo + m.Int64N(hi-lo+1)) })
	case 2:
		m.use("exclusiveMinimum", "exclusiveMaximum")
		return plain(text+`,"exclusiveMinimum":`+write(lo)+`,"exclusiveMaximum":`+write(hi)+`}`, func() string {
			return new(big.Rat).Add(big.NewRat(lo, scale), big.NewRat(m.Int64N(9)+1, scale*10)).FloatString(digits + 1)
		})
	case 3:
		m.use("minimum")
		return plain(text+`,"minimum":`+write(lo)+`}`, func() string { return write(lo + m.Int64N(1e9)) })
	}
	m.use("exclusiveMaximum")
	return plain(text+`,"exclusiveMaximum":`+write(lo)+`}`, func() string { return write(lo - 1 - m.Int64N(1e9)) })
}
