package gguftest

import "fmt"

const (
	// MinVocab is how many tokens there have to be: 3 for control, the bytes, and ChatML's two.
	MinVocab = 3 + 256 + 2
	// maxVocab is how many the enumeration in piece has.
	maxVocab = MinVocab + 1 + 95 + 2*(26*26+26*26*26+26*26*26*26)
)

// The types of tokens, llama_token_type of llama.h.
const (
	normalToken  = 1
	unknownToken = 2
	controlToken = 3
	byteToken    = 6
)

// The numbers of the tokens that the header names.
const (
	unknownID = 0
	beginID   = 1
	endID     = 2
	imStartID = 3 + 256
	imEndID   = imStartID + 1
)

// chatTemplate is ChatML.
const chatTemplate = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}` +
	`{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// token is the text, score and type of token i. Pieces of words are rarer, and score less, the later they come.
func token(i int) (text string, score float32, kind int32) {
	switch {
	case i == unknownID:
		return "<unk>", 0, unknownToken
	case i == beginID:
		return "<s>", 0, controlToken
	case i == endID:
		return "</s>", 0, controlToken
	case i < imStartID:
		return fmt.Sprintf("<0x%02X>", i-3), 0, byteToken
	case i == imStartID:
		return "<|im_start|>", 0, controlToken
	case i == imEndID:
		return "<|im_end|>", 0, controlToken
	}
	return piece(i - MinVocab), -float32(i - MinVocab), normalToken
}

// space is how SentencePiece writes a blank.
const space = "\u2581"

// letters of pieces, the commonest first.
const letters = "etaoinshrdlcumwfgypbvkjxqz"

// piece enumerates pieces of words, all different: the blank, every printable character of ASCII, then two to four letters,
// each with a blank before it and without. What is longer is put together of what is shorter, as the tokenizer does it.
func piece(i int) string {
	switch {
	case i == 0:
		return space
	case i == 1:
		return "é" // the blank has no piece of its own
	case i <= 95:
		return string(rune(' ' + i - 1))
	}
	i -= 96
	before := []string{space, ""}[i%2]
	i /= 2
	many := len(letters) * len(letters) // of the length in turn
	for length := 2; ; length++ {
		if i < many {
			return before + word(i, length)
		}
		i -= many
		many *= len(letters)
	}
}

// word is i written with letters as digits.
func word(i, length int) string {
	b := make([]byte, length)
	for at := length - 1; at >= 0; at-- {
		b[at] = letters[i%len(letters)]
		i /= len(letters)
	}
	return string(b)
}
