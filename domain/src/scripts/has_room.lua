-- Whether one more file of a tenant's finds room in line. ARGV: 2 tenant, 3 most files waiting. Reply: {1 | 0}
return { is_full(ARGV[2], 1, tonumber(ARGV[3])) and 0 or 1 }
