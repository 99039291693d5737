std = "lua54"
exclude_files = { "tests/errors" }      -- broken on purpose
max_line_length = 100
ignore = { "581" }        -- not (x <= y) is not x > y where x may be NaN
files["tests/lua"] = { std = "+busted" }
