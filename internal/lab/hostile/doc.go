// Package hostile gives the real front and the real engine what nobody should: damaged models, requests that are none, and grammars
// and templates made to be endless. The front answers all of it, and says what is wrong.
package hostile
