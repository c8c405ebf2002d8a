package plans_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	files := "-- f/a.txt --\nA\n-- f/b.conf --\nB\n-- f/data.lock.hcl --\nmotd = <<-EOT\n  a $${x}\n  b\nEOT\n-- f/sub/c.txt --\nC\n-- f/sub/deep/d.txt --\nD\n-- t.tftpl --\n${a}${templatefile(\"t.tftpl\", {})}\n"
	for expr, want := range map[string]string{
		`abs(-1)`: `1`, `ceil(1.2)`: `2`, `floor(-1.2)`: `-2`, `max(1, 3, 2)`: `3`, `min(2, 1)`: `1`, `pow(2, 10)`: `1024`,
		`signum(-5)`: `-1`, `parseint("ff", 16)`: `255`, `log(8, 2)`: `3`,
		`chomp("a\n")`: `a`, `format("%s-%03d", "a", 7)`: `a-007`, `formatlist("%s!", ["a", "b"])`: `["a!","b!"]`,
		`indent(2, "a\nb")`: "a\n  b", `join(",", ["a", "b"])`: `a,b`, `lower("A")`: `a`, `upper("a")`: `A`, `title("a b")`: `A B`,
		`replace("a.b", ".", "-")`: `a-b`, `replace("a1b22", "/[0-9]+/", "#")`: `a#b#`,
		`regex("[0-9]+", "a12")`: `12`, `regexall("[0-9]", "a12")`: `["1","2"]`, `split(",", "a,b")`: `["a","b"]`,
		`strrev("ab")`: `ba`, `substr("hello", 1, 3)`: `ell`, `trim("?a?", "?")`: `a`, `trimprefix("ab", "a")`: `b`,
		`trimsuffix("ab", "b")`: `a`, `trimspace(" a ")`: `a`, `startswith("ab", "a")`: `true`, `endswith("ab", "a")`: `false`,
		`strcontains("abc", "b")`:       `true`,
		`chunklist(["a", "b", "c"], 2)`: `[["a","b"],["c"]]`, `coalesce(null, "a")`: `a`, `coalescelist([], ["a"])`: `["a"]`,
		`compact(["", "a"])`: `["a"]`, `concat(["a"], ["b"])`: `["a","b"]`, `contains(["a"], "a")`: `true`,
		`distinct(["a", "a"])`: `["a"]`, `element(["a", "b"], 3)`: `b`, `flatten([["a"], ["b"]])`: `["a","b"]`,
		`index(["a", "b"], "b")`: `1`, `keys({ b = 1, a = 2 })`: `["a","b"]`, `values({ b = 1, a = 2 })`: `[2,1]`,
		`length("héé")`: `3`, `length([1, 2])`: `2`, `length({ a = 1 })`: `1`, `length(toset(["a", "a"]))`: `1`,
		`lookup({ a = "x" }, "b", "y")`: `y`, `merge({ a = 1 }, { b = 2 })`: `{"a":1,"b":2}`, `one([])`: `null`, `one(["a"])`: `a`,
		`range(3)`: `[0,1,2]`, `reverse(["a", "b"])`: `["b","a"]`, `setunion(["a"], ["b"])`: `["a","b"]`,
		`setintersection(["a", "b"], ["b"])`: `["b"]`, `setsubtract(["a", "b"], ["b"])`: `["a"]`,
		`setproduct(["a"], ["b", "c"])`: `[["a","b"],["a","c"]]`,
		`slice(["a", "b", "c"], 1, 2)`:  `["b"]`, `sort(["b", "a"])`: `["a","b"]`, `sum([1, 2.5])`: `3.5`, `sum(["1"])`: `1`,
		`transpose({ a = ["x", "y"], b = ["x"] })`: `{"x":["a","b"],"y":["a"]}`, `zipmap(["a"], [1])`: `{"a":1}`,
		`alltrue([true, true])`: `true`, `alltrue([])`: `true`, `anytrue([false, true])`: `true`, `anytrue([])`: `false`,
		`formatdate("YYYY", "2026-01-02T03:04:05Z")`: `2026`, `timeadd("2026-01-02T03:04:05Z", "1h")`: `2026-01-02T04:04:05Z`,
		`jsonencode({ a = [1, null] })`: `{"a":[1,null]}`, `jsondecode("[1]")`: `[1]`, `csvdecode("a,b\n1,2")`: `[{"a":"1","b":"2"}]`,
		`yamldecode("a: [1, x]\nb: &l {c: null}\nd: *l\n")`:                                        `{"a":[1,"x"],"b":{"c":null},"d":{"c":null}}`,
		`hcldecode("# made\na = [1, \"x\", -2.5]\nb = { c = null, \"d e\" = true, 8000 = {} }\n")`: `{"a":[1,"x",-2.5],"b":{"8000":{},"c":null,"d e":true}}`,
		`hcldecode(file("f/data.lock.hcl")).motd`:                                                  "a ${x}\nb\n",
		`hcldecode("")`: `{}`, `issensitive(hcldecode(sensitive("a = 1")).a)`: `true`, `hcldecode("a = \"$$${x}\"\r\n").a`: `${x}`,
		`[for k, v in hcldecode("b = { n = 1 }\na = { n = 2 }\n") : "${k}${v.n}"]`: `["a2","b1"]`,
		`yamlencode({ a = [1, true, null], b = "x" })`:                             "\"a\":\n- 1\n- true\n- null\n\"b\": \"x\"\n",
		`issensitive(yamlencode([sensitive("a")]))`:                                `true`, `issensitive(yamldecode(sensitive("a: 1")).a)`: `true`,
		`tostring(1)`: `1`, `tonumber("1.5")`: `1.5`, `tobool("true")`: `true`, `tolist(toset(["a"]))`: `["a"]`, `tomap({ a = 1 })`: `{"a":1}`,
		`try(host.gpus[9].name, "none")`: `none`, `can(tonumber("x"))`: `false`,
		`sha256("a")`:       `ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb`,
		`md5("a")`:          `0cc175b9c0f1b6a831c399e269772661`,
		`sha1("a")`:         `86f7e437faa5a7fce15d1ddcb9eaeaea377667b8`,
		`sha512("")`:        `cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e`,
		`base64encode("a")`: `YQ==`, `base64decode("YQ==")`: `a`,
		`cidrhost("10.0.0.0/8", 258)`: `10.0.1.2`, `cidrhost("10.0.0.7/24", -1)`: `10.0.0.255`, `cidrhost("fd00::/64", 16)`: `fd00::10`,
		`cidrnetmask("10.0.0.0/20")`: `255.255.240.0`, `cidrnetmask("0.0.0.0/0")`: `0.0.0.0`,
		`cidrsubnet("10.0.0.0/8", 8, 3)`: `10.3.0.0/16`, `cidrsubnet("fd00::/8", 8, 255)`: `fdff::/16`, `cidrsubnet("10.0.0.0/8", 0, 0)`: `10.0.0.0/8`,
		`cidrcontains("10.0.0.0/8", "10.1.2.3")`: `true`, `cidrcontains("10.0.0.0/8", "10.1.0.0/16")`: `true`,
		`cidrcontains("10.1.0.0/16", "10.0.0.0/8")`: `false`, `cidrcontains("10.0.0.0/8", "fd00::1")`: `false`,
		`gib(4)`: `4294967296`, `mib(0.5)`: `524288`, `kib(1)`: `1024`,
		`basename("/a/b.txt")`: `b.txt`, `dirname("/a/b.txt")`: `/a`,
		`file("f/a.txt")`: "A\n", `filebase64("f/a.txt")`: `QQo=`, `fileexists("f/a.txt")`: `true`, `fileexists("f")`: `false`, `fileexists("g")`: `false`,
		`fileset("f", "*.txt")`: `["a.txt"]`, `fileset("f", "**/*.txt")`: `["a.txt","sub/c.txt","sub/deep/d.txt"]`,
		`fileset(".", "f/sub/**")`: `["f/sub/c.txt","f/sub/deep/d.txt"]`, `fileset("f", "none*")`: `[]`,
		`issensitive(sensitive("a"))`: `true`, `nonsensitive(sensitive("a"))`: `a`,
	} {
		t.Run(expr, func(t *testing.T) {
			plan := good(t, "output \"o\" {\n  value = "+expr+"\n}\n"+files)
			same(t, want, plan.Outputs["o"].Text())
		})
	}
}

func TestFunctionsRefuse(t *testing.T) {
	files := "-- t.tftpl --\n${a}\n-- again.tftpl --\n${templatefile(\"t.tftpl\", {})}\n-- fails.tftpl --\n${tonumber(a)}\n-- binary --\n\xff\xfe\n-- dir/x --\n"
	for expr, want := range map[string]string{
		`timestamp()`: `no function named "timestamp"`, `cidrhost("x", 1)`: `a network such as`, `cidrhost("10.0.0.0/8", 1.5)`: `a whole number`,
		`cidrnetmask("fd00::/8")`: `only IPv4`, `cidrsubnet("10.0.0.0/30", 4, 0)`: `cannot be split`,
		`cidrsubnet("10.0.0.0/8", 2, 4)`: `from 0 to 2^2-1`, `cidrsubnet("10.0.0.0/8", -1, 0)`: `cannot be split`, `cidrcontains("10.0.0.0/8", "x")`: `an address or a network`,
		`replace("a", "/(/", "")`: `no regular expression`, `base64decode("?")`: `not base64`, `base64decode("//4=")`: `not UTF-8`,
		`file("binary")`: `filebase64`, `file("dir")`: `not a regular file`, `fileset("nowhere", "*")`: `cannot read nowhere`, `fileset(".", "[")`: `no pattern`,
		`templatefile("t.tftpl", {})`: `t.tftpl:1: the template is not given "a"`, `templatefile("t.tftpl", 5)`: `an object of the names`,
		`templatefile("again.tftpl", {})`: `no function named "templatefile"`, `templatefile("fails.tftpl", { a = "x" })`: `cannot convert "x"`,
		`nonsensitive(templatefile("fails.tftpl", { a = sensitive("hunter2") }))`: `not shown`,
		`one(["a", "b"])`: `more than one`, `one(5)`: `a list is required`, `sum(["x"])`: `must be numbers`,
		`hcldecode("a = 1\nb = host.os\n")`: `line 2: This is a reference`, `hcldecode("a = [\n upper(\"x\")]")`: `line 2: This is a call of a function`,
		`hcldecode("\n\nmodel \"a\" {\n}\n")`: `line 3: Only attributes stand here: write model = { … }`,
		`hcldecode("a = 1 + 1")`:              `This is a calculation`, `hcldecode("a = !true")`: `This is a calculation`, `hcldecode("a = -\"1\"")`: `This is a calculation`,
		`hcldecode("a = true ? 1 : 2")`: `This is a calculation`, `hcldecode("a = \"x$${1}\"")`: `This is a template`, `hcldecode("a = \"$${\"x\"}\"")`: `This is a template`,
		`hcldecode("a = [for x in [1] : x]")`: `This is an expression`, `hcldecode("a = { (\"b\") = 1 }")`: `This is a name that is worked out`,
		`hcldecode("a = { b.c = 1 }")`: `This is a name that is worked out`, `hcldecode("a = [1][0]")`: `This is a reference`, `hcldecode("a = [[1]][*]")`: `This is a reference`,
		`hcldecode("a = {\n b = 1\n \"b\" = 2\n}")`: `line 3: The object has "b" already, in line 2`, `hcldecode("a = 1\na = 2")`: `line 2: The argument`,
		`hcldecode("a =\n")`: `line 1: `, `hcldecode("a = 1e99999")`: `line 1: A number has at most`, `index([], "a")`: `does not hold`, `length(5)`: `a string or a collection`,
	} {
		t.Run(expr, func(t *testing.T) {
			plan, diags := load(t, "output \"o\" {\n  value = "+expr+"\n}\n"+files)
			if got := shown(t, plan, diags); !strings.Contains(got, want) || strings.Count(got, "Error: ") != 1 {
				t.Errorf("%q is not in:\n%s", want, got)
			}
		})
	}
}

func TestFunctionsKeepSecrets(t *testing.T) {
	for _, f := range []string{
		`upper(%s)`, `sha256(%s)`, `"x${%s}"`, `join(",", [%s])`, `jsonencode({ a = %s })`, `length(%s)`, `one([%s])`, `base64encode(%s)`,
		`templatefile("t.tftpl", { a = %s })`, `try(%s, "")`, `[for x in [%s] : x][0]`, `merge({ a = %s }, {}).a`, `format("%%s", %s)`, `index([%s], %[1]s)`,
		`replace(%s, "a", "b")`, `startswith(%s, "a")`, `coalesce(%s)`, `transpose({ a = [%s] })`, `alltrue([%s == "a"])`, `[%s][*]`,
	} {
		plan, diags := load(t, "output \"o\" {\n  value = "+fmt.Sprintf(f, `sensitive("a")`)+"\n}\n-- t.tftpl --\n${a}")
		if got := shown(t, plan, diags); !strings.Contains(got, "Sensitive output") {
			t.Errorf("%s shows what is sensitive: %s%s", f, plan.Outputs["o"].Text(), got)
		}
	}
}

// TestDeepData holds that data which nests without end is an error, not the end of the program.
func TestDeepData(t *testing.T) {
	for name, call := range map[string]string{
		"JSON": `jsondecode(file("deep"))`, "YAML": `yamldecode(file("deep"))`, "dashes": `yamldecode(file("dashes"))`, "HCL": `hcldecode(file("hcl"))`,
		"HCL's parentheses": `hcldecode(file("parentheses"))`,
	} {
		files := ""
		for file, text := range map[string]string{"deep": "[", "dashes": "- ", "hcl": "a = " + strings.Repeat("[", 20_000), "parentheses": "a = " + strings.Repeat("(", 20_000)} {
			files += fmt.Sprintf("-- %s --\n%sx\n", file, strings.Repeat(text, max(1, 20_000/len(text))))
		}
		plan, diags := load(t, "output \"o\" {\n  value = "+call+"\n}\n"+files)
		if got := shown(t, plan, diags); len(diags) != 1 || !strings.Contains(got, "nested too deeply") && !strings.Contains(got, "nested 5,000 deep") {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}
