-- What the paper takes from the programs: numbers out of results/, and lines out of the sources.
require("lualibs")
paper = {}

local root = "../../"
local work = root .. "build/paper/"

local function contents(path)
  local file = assert(io.open(path, "rb"), path .. " is not there; run make assignment")
  local text = file:read("a")
  file:close()
  return text
end

local runs = {}
local function run(name)
  runs[name] = runs[name] or utilities.json.tolua(contents("results/" .. name .. "/run.json"))
  return runs[name]
end

-- What stands at a path like "test/accuracy" of a run.
local function at(name, path)
  local value = run(name)
  for key in path:gmatch("[^/]+") do
    value = value[tonumber(key) or key]
    assert(value ~= nil, name .. " has no " .. path)
  end
  return value
end

local special = { ["&"] = "\\&", ["%"] = "\\%", ["#"] = "\\#", ["_"] = "\\_", ["$"] = "\\$" }
local function plain(text) return (tostring(text):gsub("[&%%#_$]", special)) end

local function commas(number)
  local text = string.format("%.0f", number)
  repeat
    local changed
    text, changed = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
  until changed == 0
  return text
end

local function percent(value) return value and string.format("%.2f", 100 * value) or "--" end
local function score(value) return value and string.format("%.4f", value) or "--" end

local function power(value)
  if value == 0 then return "$0$" end
  local exponent = math.floor(math.log(value, 10))
  return string.format("$%.1f \\cdot 10^{%d}$", value / 10 ^ exponent, exponent)
end

function paper.text(name, path) tex.sprint(plain(at(name, path))) end
function paper.percent(name, path) tex.sprint(percent(at(name, path)) .. "\\,\\%") end
function paper.count(name, path) tex.sprint(commas(at(name, path))) end
function paper.number(name, path, format) tex.sprint(string.format(format, at(name, path))) end

-- The mean over runs of one kind, in per cent.
function paper.mean(names, path)
  local sum, count = 0, 0
  for name in names:gmatch("[^,]+") do
    sum, count = sum + at(name, path), count + 1
  end
  tex.sprint(percent(sum / count) .. "\\,\\%")
end

local function rows(lines) tex.sprint(table.concat(lines, " ")) end

function paper.seeds(names)
  local lines = {}
  for name in names:gmatch("[^,]+") do
    lines[#lines + 1] = string.format("%s & %s & %s & %s \\\\", plain(at(name, "configuration/seed")),
      percent(at(name, "last")["accuracy/validation"]),
      percent(at(name, "test/accuracy")), score(at(name, "test/loss")))
  end
  rows(lines)
end

function paper.classes(name)
  local lines = {}
  for _, class in ipairs(at(name, "test/classes")) do
    lines[#lines + 1] = string.format("%s & %s & %s & %s & %s & %s \\\\", plain(class.name),
      score(class.precision), score(class.recall), score(class.f1), commas(class.examples),
      commas(class.predicted))
  end
  local macro = at(name, "test/macro")
  lines[#lines + 1] = string.format("\\midrule mean & %s & %s & %s & & \\\\", score(macro.precision),
    score(macro.recall), score(macro.f1))
  rows(lines)
end

function paper.layers(name)
  local lines = {}
  for _, layer in ipairs(at(name, "network/layers")) do
    local shape = {}
    for i = 2, #layer.output do shape[#shape + 1] = string.format("%d", layer.output[i]) end
    lines[#lines + 1] = string.format("%s & %s & $%s$ & %s \\\\", plain(layer.name), plain(layer.type),
      table.concat(shape, " \\times "), commas(layer.parameters))
  end
  lines[#lines + 1] = "\\midrule in all & & & " .. commas(at(name, "network/parameters")) .. " \\\\"
  rows(lines)
end

-- "2 taken for 7 (24 times), ...": the largest counts off the diagonal.
function paper.confused(name, most)
  local classes, pairs_ = at(name, "test/classes"), {}
  for t, row in ipairs(at(name, "test/confusion")) do
    for p, count in ipairs(row) do
      if t ~= p then pairs_[#pairs_ + 1] = { count, classes[t].name, classes[p].name } end
    end
  end
  table.sort(pairs_, function(a, b)
    if a[1] ~= b[1] then return a[1] > b[1] end
    return a[2] .. "/" .. a[3] < b[2] .. "/" .. b[3]
  end)
  local words = {}
  for i = 1, most do
    local count, t, p = table.unpack(pairs_[i])
    words[i] = string.format("%s taken for %s (%d times)", plain(t), plain(p), count)
  end
  tex.sprint(table.concat(words, ", "))
end

-- The class with the largest or smallest score of a kind, and that score.
function paper.extreme(name, kind, largest)
  local best
  for _, class in ipairs(at(name, "test/classes")) do
    if class[kind] and (not best or (largest and class[kind] > best[kind]) or
        (not largest and class[kind] < best[kind])) then best = class end
  end
  tex.sprint(string.format("%s (%s)", plain(best.name), score(best[kind])))
end

-- The trace over the sum must be the accuracy that is stated.
function paper.trace(name)
  local right, all = 0, 0
  for t, row in ipairs(at(name, "test/confusion")) do
    for p, count in ipairs(row) do
      all = all + count
      if t == p then right = right + count end
    end
  end
  assert(math.abs(right / all - at(name, "test/accuracy")) < 1e-9, name .. ": trace and accuracy differ")
  tex.sprint(commas(right) .. " of " .. commas(all))
end

function paper.attempts(list)
  local lines = {}
  for name, what in list:gmatch("([%w-]+):([^;]+);?") do
    lines[#lines + 1] = string.format("%s & %s & %s & %s \\\\", what,
      percent(at(name, "last")["accuracy/validation"]), percent(at(name, "test/accuracy")),
      string.format("%.0f", at(name, "timing").forward + at(name, "timing").backward + at(name, "timing").update))
  end
  rows(lines)
end

-- A row for each "piece:what it is" that was left out of the recipe: accuracy on held-out images with
-- seeds 0 and 1, the mean, and how far that is from the whole recipe's.
function paper.ablations(list)
  local function accuracy(piece, seed)
    -- Without views: the same images, each seen once.
    if piece == "views" then return at("without-nothing-" .. seed, "last")["accuracy/validation"] end
    return at("without-" .. piece .. "-" .. seed, "test/accuracy")
  end
  local function mean(piece) return (accuracy(piece, 0) + accuracy(piece, 1)) / 2 end
  local lines = {}
  for piece, what in list:gmatch("([%w-]+):([^;]+);?") do
    lines[#lines + 1] = string.format("%s & %s & %s & %s & $%+.2f$ \\\\", what, percent(accuracy(piece, 0)),
      percent(accuracy(piece, 1)), percent(mean(piece)), 100 * (mean(piece) - mean("nothing")))
  end
  rows(lines)
end

-- What the tests of one topic measured: "closed form" and the like.
local figures
function paper.checked(topic)
  if not figures then
    figures = {}
    for line in contents("results/checks.csv"):gmatch("[^\n]+") do
      local t, kind, entries, error = line:match("^([^,]+),([^,]+),(%d+),(.+)$")
      if t then figures[t .. "/" .. kind] = { tonumber(entries), tonumber(error) } end
    end
  end
  local words = {}
  for _, kind in ipairs({ "closed form", "finite differences" }) do
    local measured = figures[topic .. "/" .. kind]
    if measured then
      words[#words + 1] = string.format("against %s %s entries, largest relative error %s",
        kind == "closed form" and "the closed form" or "central differences", commas(measured[1]), power(measured[2]))
    end
  end
  assert(#words > 0, "no check is called " .. topic)
  tex.sprint(table.concat(words, "; "))
end

-- A function of the sources with the comment above it, as a file to be set verbatim.
local excerpts = 0
function paper.source(path, signature)
  local lines, first = {}, nil
  for line in contents(root .. path):gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  for i, line in ipairs(lines) do
    if line:sub(1, #signature) == signature then first = i break end
  end
  assert(first, path .. " has no line that begins with " .. signature)
  local last = first
  while lines[last] ~= "}" and not lines[last]:match("^};?$") do last = last + 1 end
  while lines[first - 1]:match("^//") or lines[first - 1]:match("^template") do first = first - 1 end
  excerpts = excerpts + 1
  local name = work .. "excerpt-" .. excerpts .. ".txt"
  local file = assert(io.open(name, "wb"))
  file:write(table.concat(lines, "\n", first, last), "\n")
  file:close()
  tex.sprint(string.format("\\excerpt{%s}{%s}{%d}", name, plain(path), first))
end
