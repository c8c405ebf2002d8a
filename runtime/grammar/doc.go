// Package grammar makes grammars, in llama.cpp's GBNF, of JSON Schemas, and checks grammars that clients send. Both are
// handed what strangers wrote: work, depth and size are bounded, and what is over a bound is an error that says which.
//
// # What a schema means here
//
// Every text of the grammar is valid by the schema; not everything that is valid is in the grammar. A keyword that is
// neither followed nor a mere annotation is an error that names it. These choices make a smaller language:
//
//   - Properties come in the schema's order, first "properties", then what only "required" names.
//   - Where "properties" or "required" names something and "additionalProperties" is absent, nothing else is written.
//     Other names need "additionalProperties" to be there. Such a name is never one that the schema names; two of them
//     can be the same, which no grammar of a usable size could keep from happening.
//   - "items" that is absent beside "prefixItems" means no further items, unless "minItems" asks for them.
//   - "oneOf" needs a proof that no two branches are valid at once: other types, other constants in a property that is
//     required, disjoint ranges or patterns. Without one it is refused; "anyOf" needs none.
//   - Whole numbers have at most 16 digits, fractions 16, exponents 2; a number with a bound has no exponent.
//   - Text is compact; Limits.Spaces allows one space after ':' and ','. Nothing can be repeated that says nothing.
//   - What could not be said in 65,536 characters is left out, as is what could never end.
//   - A $ref is followed beside other keywords, but refused beside them in drafts that ignore those.
//   - Where anything may be, it nests Limits.Nesting deep.
//   - Patterns mean what both ECMA-262 and Go say: "." is no line end of either, "\s" only what both call a space.
//     Characters of a string with a pattern or a format are written plainly, without escapes that are not needed.
//   - "nullable" is OpenAPI's: it adds null to the "type" beside it.
//   - The formats date, time, date-time, uuid, email and ipv4 are followed: days exist, leap seconds do not.
package grammar
